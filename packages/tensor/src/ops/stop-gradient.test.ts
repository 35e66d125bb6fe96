import type { Tensor } from '@moect/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  dispose,
  greater,
  mul,
  ones,
  recompute,
  stopGradient,
  sum,
  tensor,
  topK,
  valueAndGrads,
  variable,
  where,
} from '../index.ts';
import { leakedTensors, selectBackend, testBackends } from '../testing.ts';
import { asTf, fromTf, tf } from '../tf.ts';

const read = async (x: Tensor): Promise<number[]> => [...(await x.data())];

/** Σ picked · (stopGradient(x) + 1), picked being x above 1 and 1 elsewhere: choice and factor are data. */
function chosen(x: Tensor): Tensor {
  const picked = where(greater(stopGradient(x), 1), x, ones(x.shape));
  return sum(mul(picked, add(stopGradient(x), 1)));
}

describe.each(testBackends())('stopGradient on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('keeps the values and cuts the gradient, choices included', async () => {
    const x = variable(tensor([0.5, 2, 3], [3]));
    const { value, gradients } = valueAndGrads(() => chosen(x), new Map([['x', x]]));
    expect(await read(value)).toEqual([1.5 + 6 + 12]);
    expect(await read(gradients.get('x')!)).toEqual([0, 3, 4]);
    const alone = valueAndGrads(() => sum(stopGradient(x)), new Map([['x', x]]));
    expect(alone.gradients.size).toBe(0);
    dispose([x, value, gradients, alone.value]);
  });

  it("does the same under TensorFlow.js's own gradients, through top-k too", async () => {
    const x = tensor([0.5, 2, 3], [1, 3]);
    const best = (y: Tensor): Tensor => sum(mul(y, topK(stopGradient(y), 1).values));
    const gradient = (f: (y: Tensor) => Tensor): Tensor =>
      fromTf(tf.grad((y) => asTf(f(fromTf(y))) as tf.Scalar)(asTf(x)));
    const [ofChoice, ofBest] = [gradient(chosen), gradient(best)];
    expect(await read(ofChoice)).toEqual([0, 3, 4]);
    expect(await read(ofBest)).toEqual([3, 3, 3]);
    dispose([x, ofChoice, ofBest]);
  });

  it('gives the same when it runs again on the way back', async () => {
    const x = variable(tensor([0.5, 2, 3], [3]));
    const { value, gradients } = valueAndGrads(
      () => recompute({ y: mul(x, 1) }, ({ y }) => chosen(y)),
      new Map([['x', x]]),
    );
    expect(await read(gradients.get('x')!)).toEqual([0, 3, 4]);
    dispose([x, value, gradients]);
  });

  it('leaks nothing', async () => {
    const x = variable(tensor([0.5, 2, 3], [3]));
    const leaked = await leakedTensors(() => {
      const { value, gradients } = valueAndGrads(() => chosen(x), new Map([['x', x]]));
      dispose([value, gradients]);
    });
    expect(leaked).toBe(0);
    x.dispose();
  });
});
