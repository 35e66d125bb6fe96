import type { Fusion } from '@moect/core';
import { checkedOptions, number } from '@moect/core/options';
import { add, fill, tidy } from '@moect/tensor';
import { blend } from './blend.ts';

export type FixedFusionOptions = {
  /** c, the base's weight: 1 base only, 0 branch only. */
  readonly baseWeight: number;
};

/**
 * y = a + c·f + (1−c)·m with a constant c (docs/method.md §1; 0.5, or 0.9 in an older script). No parameters. With
 * c = 0 it does not set `alwaysOn`, so that extensions made with it keep their parameters; the fusion `alwaysOn` does.
 */
export function fixedFusion(options: Partial<FixedFusionOptions> = {}): Fusion {
  const { baseWeight } = checkedOptions<FixedFusionOptions>('fixedFusion', options, {
    baseWeight: { default: 0.5, check: number({ min: 0, max: 1 }) },
  });
  return {
    contract: 'fusion/1',
    name: 'fixed',
    readsBase: baseWeight !== 0,
    init: () => ({}),
    fuse: (_, input) =>
      tidy(() => {
        const [batch, time] = input.residual.shape as [number, number];
        const weight = fill([batch, time, 1], baseWeight);
        return { output: outputOf(input, baseWeight, weight), baseWeight: weight, auxLosses: {} };
      }),
  };
}

function outputOf(
  input: Parameters<typeof blend>[0],
  baseWeight: number,
  weight: Parameters<typeof blend>[1],
): ReturnType<typeof blend> {
  if (baseWeight === 1) return add(input.residual, input.base);
  if (baseWeight === 0) return add(input.residual, input.moe);
  return blend(input, weight);
}

/** p = 0: the branch replaces the base's FFN everywhere. For packs that are chosen per document (docs/method.md §4). */
export function alwaysOn(options: Record<string, never> = {}): Fusion {
  checkedOptions('alwaysOn', options, {});
  return { ...fixedFusion({ baseWeight: 0 }), name: 'always-on', alwaysOn: true };
}

/** p = 1: the base alone, bit for bit. */
export function alwaysBase(options: Record<string, never> = {}): Fusion {
  checkedOptions('alwaysBase', options, {});
  return { ...fixedFusion({ baseWeight: 1 }), name: 'always-base' };
}
