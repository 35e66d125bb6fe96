import type { Extension, ForwardOptions, ParamPath, Tensor } from '@moect/core';
import { assertUnchanged, digestEachParameter } from '@moect/freeze';
import {
  add,
  assign,
  createRng,
  crossEntropy,
  dispose,
  mul,
  reshape,
  sub,
  sum,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { leakedTensors } from '@moect/tensor/testing';
import { expect } from 'vitest';
import { attach, type MethodCase, passOf, withExtension } from './method-case.ts';
import { logitsOf, tokenBatch } from './passes.ts';

interface TrainingBatch {
  readonly tokens: Tensor;
  readonly targets: Tensor;
  /** 0, 1 and 2 in turn at random. */
  readonly roles: Tensor;
}

const batchFor = ({ base }: MethodCase): TrainingBatch => ({
  tokens: tokenBatch(2, 9, base.vocabSize),
  targets: tokenBatch(2, 9, base.vocabSize, 6),
  roles: tokenBatch(2, 9, 3, 8),
});

/** Cross-entropy and auxiliary losses of a training pass: always with the same random numbers. */
function lossOf(
  { base }: MethodCase,
  extension: Extension,
  { tokens, targets, roles }: TrainingBatch,
  more: ForwardOptions = {},
): Tensor {
  const { logits, auxLosses } = base.forward(tokens, {
    ...passOf(extension),
    training: true,
    roles,
    rng: createRng(41),
    ...more,
  });
  const nats = sum(crossEntropy(reshape(logits, [18, base.vocabSize]), reshape(targets, [18])));
  return Object.values(auxLosses).reduce((a, b) => add(a, b), nats);
}

export async function checkTraining(methodCase: MethodCase): Promise<void> {
  const batch = batchFor(methodCase);
  const { parameters } = methodCase.base;
  const before = await digestEachParameter(parameters);
  await withExtension(methodCase, 0.02, async (extension) => {
    const loss = (): Tensor => lossOf(methodCase, extension, batch);
    const { value, gradients } = valueAndGrads(loss, extension.parameters);
    expect([...gradients.keys()].sort()).toEqual([...extension.parameters.keys()].sort());
    for (const [name, gradient] of gradients) {
      const values = [...(await gradient.data())];
      expect(values.every(Number.isFinite), `gradient of ${name} is finite`).toBe(true);
      expect(
        values.some((x) => x !== 0),
        `gradient of ${name} is not 0 everywhere`,
      ).toBe(true);
      const variable = extension.parameters.get(name)!;
      tidy(() => assign(variable, sub(variable, mul(gradient, 0.01))));
    }
    const lower = tidy(loss);
    expect((await lower.data())[0]!).toBeLessThan((await value.data())[0]!);
    assertUnchanged(before, await digestEachParameter(parameters));
    dispose([value, lower, gradients]);
  });
  dispose({ ...batch });
}

/** Loss and gradients of a training pass, on the host. */
async function passValues(
  methodCase: MethodCase,
  extension: Extension,
  batch: TrainingBatch,
  more: ForwardOptions,
): Promise<Record<ParamPath, number[]>> {
  const { value, gradients } = valueAndGrads(
    () => lossOf(methodCase, extension, batch, more),
    extension.parameters,
  );
  const values: Record<ParamPath, number[]> = { loss: [...(await value.data())] };
  for (const [name, gradient] of gradients) values[name] = [...(await gradient.data())];
  dispose([value, gradients]);
  return values;
}

export async function checkRandomNumbers(methodCase: MethodCase): Promise<void> {
  const batch = batchFor(methodCase);
  await withExtension(methodCase, 0.1, async (extension) => {
    const values = (more: ForwardOptions): ReturnType<typeof passValues> =>
      passValues(methodCase, extension, batch, more);
    const rng = createRng(43);
    const once = await values({ rng });
    expect(await values({ rng }), 'a pass must not move the stream on').toEqual(once);
    expect(await values({ rng: createRng(43), recompute: true }), 'layers that run again').toEqual(once);
  });
  dispose({ ...batch });
}

export async function checkLeaks(methodCase: MethodCase): Promise<void> {
  const batch = batchFor(methodCase);
  const once = async (): Promise<void> => {
    const extension = attach(methodCase);
    await logitsOf(methodCase.base, batch.tokens, passOf(extension));
    await passValues(methodCase, extension, batch, {});
    extension.dispose();
  };
  await once();
  expect(await leakedTensors(once)).toBe(0);
  dispose({ ...batch });
}
