import type { Tensor } from '@moect/core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { differentiable } from './differentiable.ts';
import {
  createRng,
  dispose,
  linear,
  memory,
  mul,
  randomNormal,
  rmsNormalize,
  sum,
  tidy,
  valueAndGrads,
} from './index.ts';
import { leakedTensors, selectBackend, testBackends } from './testing.ts';

describe.each(testBackends())('gradients on %s', (backend) => {
  let x: Tensor;
  let frozen: Tensor[];
  let trained: Tensor;
  beforeAll(() => selectBackend(backend).then(() => undefined));
  beforeEach(() => {
    const rng = createRng(3);
    x = randomNormal(rng, [8, 16], 1);
    frozen = Array.from({ length: 6 }, () => randomNormal(rng, [16, 16], 0.3));
    trained = randomNormal(rng, [16, 16], 0.3);
  });
  afterEach(() => dispose([x, frozen, trained]));
  const below = (): Tensor => tidy(() => frozen.reduce((h, w) => rmsNormalize(linear(h, w), 1e-6), x));

  it('keep nothing below the first parameter', () => {
    let kept = -1;
    const { value, gradients } = valueAndGrads(
      () => {
        const before = memory().numTensors;
        const hidden = below();
        kept = memory().numTensors - before;
        return sum(linear(hidden, trained));
      },
      new Map([['trained', trained]]),
    );
    expect(kept).toBe(1);
    expect(gradients.get('trained')!.shape).toEqual([16, 16]);
    dispose([value, gradients]);
  });

  it('keep no input of a frozen weight', () => {
    let bytes = -1;
    const { value, gradients } = valueAndGrads(
      () => {
        const first = linear(x, trained);
        const before = memory().numBytes;
        // a chain of frozen products: the backward pass needs only their weights
        const last = tidy(() => frozen.reduce((h, w) => linear(h, w), first));
        bytes = memory().numBytes - before;
        return sum(last);
      },
      new Map([['trained', trained]]),
    );
    // the result and, in the engine's count, a second handle on each frozen weight
    expect(bytes).toBe(4 * (8 * 16 + frozen.length * 16 * 16));
    dispose([value, gradients]);
  });

  it('free what the way back has passed', () => {
    const live: number[] = [];
    const probed = differentiable({
      forward: ({ h }: { h: Tensor }) => [tidy(() => mul(h, 1))] as const,
      saves: () => ({}),
      gradients: {
        h: ({ dys: [dy] }) => {
          live.push(memory().numTensors);
          return mul(dy, 1);
        },
      },
    });
    const probe = (h: Tensor): Tensor => probed({ h }, undefined)[0];
    const { value, gradients } = valueAndGrads(
      () => sum(frozen.reduce((h, w) => rmsNormalize(linear(probe(h), w), 1e-6), linear(x, trained))),
      new Map([['trained', trained]]),
    );
    // fewer tensors are live at each layer than at the layer above it
    expect(live).toHaveLength(frozen.length);
    for (let i = 1; i < live.length; i++) expect(live[i]!).toBeLessThan(live[i - 1]!);
    dispose([value, gradients]);
  });

  it('leave nothing behind when the function throws', async () => {
    const failing = (): Tensor => {
      rmsNormalize(linear(x, trained), 1e-6);
      throw new Error('stop');
    };
    const leaked = await leakedTensors(() => {
      expect(() => tidy(() => valueAndGrads(failing, new Map([['trained', trained]])))).toThrow('stop');
    });
    expect(leaked).toBe(0);
  });

  it('work where one is computed inside another, as a constant of it', () => {
    const inner = (): Tensor => {
      const { value, gradients } = valueAndGrads(() => sum(mul(trained, trained)), new Map([['w', trained]]));
      value.dispose();
      return gradients.get('w')!;
    };
    const { value, gradients } = tidy(() =>
      valueAndGrads(() => sum(mul(trained, inner())), new Map([['w', trained]])),
    );
    // d/dw Σ w · (2w held fixed) = 2w, not 4w
    return Promise.all([gradients.get('w')!.data(), trained.data()]).then(([found, w]) => {
      for (let i = 0; i < w.length; i++) expect(found[i]).toBeCloseTo(2 * w[i]!, 5);
      dispose([value, gradients]);
    });
  });
});
