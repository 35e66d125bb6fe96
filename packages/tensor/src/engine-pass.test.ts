import type { Tensor } from '@moect/core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inPass } from './engine-pass.ts';
import {
  createRng,
  dispose,
  linear,
  memory,
  mul,
  randomNormal,
  rmsNorm,
  softmax,
  sum,
  swiglu,
  valueAndGrads,
} from './index.ts';
import { selectBackend, testBackends } from './testing.ts';
import { tf } from './tf.ts';

describe.each(testBackends())('a pass on %s', (backend) => {
  let x: Tensor;
  let weights: Map<string, Tensor>;
  beforeAll(() => selectBackend(backend).then(() => undefined));
  beforeEach(() => {
    const rng = createRng(4);
    x = randomNormal(rng, [6, 8], 1);
    weights = new Map([
      ['gate', randomNormal(rng, [8, 8], 0.4)],
      ['up', randomNormal(rng, [8, 8], 0.4)],
      ['norm', randomNormal(rng, [8], 0.4)],
    ]);
  });
  afterEach(() => dispose([x, weights]));

  const loss = (): Tensor => {
    const normed = rmsNorm(x, weights.get('norm')!, 1e-5);
    const hidden = swiglu(linear(normed, weights.get('gate')!), linear(normed, weights.get('up')!));
    return sum(mul(softmax(hidden), hidden));
  };
  const run = (): Tensor[] => {
    const before = memory().numTensors;
    const { value, gradients } = valueAndGrads(loss, weights);
    expect(memory().numTensors - before).toBe(1 + weights.size);
    return [value, ...gradients.values()];
  };
  const read = async (results: readonly Tensor[]): Promise<number[][]> => {
    const values = await Promise.all(results.map(async (t) => [...(await t.data())]));
    dispose([...results]);
    return values;
  };

  it('gives the bits of the engine itself, which tf.profile asks for', async () => {
    const lean = await read(run());
    let engines: Tensor[] = [];
    const { kernelNames } = await tf.profile(() => {
      engines = run();
      return tf.scalar(0);
    });
    expect(kernelNames).toContain('Sum');
    expect(lean).toEqual(await read(engines));
  });

  it('leaves the engine as it was, also when the work throws', () => {
    const engine = tf.engine() as object;
    const fail = (): never => {
      expect(Object.hasOwn(engine, 'runKernel')).toBe(true);
      throw new Error('no');
    };
    expect(() => inPass(fail)).toThrow('no');
    for (const name of ['runKernel', 'runKernelFunc', 'endScope'])
      expect(Object.hasOwn(engine, name)).toBe(false);
    expect(() => inPass(() => tf.engine().runKernel('NoSuchKernel', {}))).toThrow(
      "Kernel 'NoSuchKernel' not registered",
    );
  });
});
