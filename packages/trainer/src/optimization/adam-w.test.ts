import type { ParamMap, Variable } from '@moect/core';
import { clipScale, createRng, dispose, globalNorm, ones, tensor, variable, zeros } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { adamW } from './adam-w.ts';

const SHAPES: Readonly<Record<string, number[]>> = {
  'a.weight': [5, 3],
  'b.weight': [7],
  'c.weight': [2, 2, 3],
};
const LEARNING_RATES = [0.1, 0.05, 0.02];
const MAX_NORM = 1.5;
const count = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

/** The update in float64, written from the paper's Algorithm 2 and torch's documentation. */
function reference(start: Map<string, number[]>, gradients: Map<string, number[]>[]): Map<string, number[]> {
  const weights = new Map([...start].map(([path, values]) => [path, [...values]]));
  const zero = (): Map<string, number[]> => new Map([...start].map(([path, v]) => [path, v.map(() => 0)]));
  const [m, v] = [zero(), zero()];
  gradients.forEach((all, i) => {
    const norm = Math.sqrt([...all.values()].flat().reduce((sum, g) => sum + g * g, 0));
    const scale = Math.min(1, MAX_NORM / (norm + 1e-6));
    for (const [path, w] of weights) {
      const decay = SHAPES[path]!.length >= 2 ? 0.1 : 0;
      for (let j = 0; j < w.length; j++) {
        const g = all.get(path)![j]! * scale;
        m.get(path)![j] = 0.9 * m.get(path)![j]! + 0.1 * g;
        v.get(path)![j] = 0.95 * v.get(path)![j]! + 0.05 * g * g;
        const mHat = m.get(path)![j]! / (1 - 0.9 ** (i + 1));
        const vHat = v.get(path)![j]! / (1 - 0.95 ** (i + 1));
        w[j] =
          w[j]! * (1 - LEARNING_RATES[i]! * decay) - (LEARNING_RATES[i]! * mHat) / (Math.sqrt(vHat) + 1e-8);
      }
    }
  });
  return weights;
}

describe.each(testBackends())('adamW on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  const rng = createRng(5);
  const values = (scale: number): Map<string, number[]> =>
    new Map(Object.entries(SHAPES).map(([path, shape]) => [path, [...rng.normal(count(shape), 0, scale)]]));
  const start = values(1);
  // the second step is under the clipping norm, the others over it
  const gradients = [values(1), values(0.1), values(2)];
  const upload = (all: Map<string, number[]>): Map<string, ReturnType<typeof tensor>> =>
    new Map([...all].map(([path, data]) => [path, tensor(data, SHAPES[path]!)]));

  async function update(parameters: ParamMap<Variable>): Promise<void> {
    const optimizer = adamW({ weightDecay: 0.1 });
    let state = optimizer.init(parameters);
    for (const [i, step] of gradients.entries()) {
      const uploaded = upload(step);
      const norm = globalNorm(uploaded.values());
      const gradientScale = clipScale(norm, MAX_NORM);
      state = optimizer.update(parameters, uploaded, state, {
        learningRate: LEARNING_RATES[i]!,
        gradientScale,
      });
      dispose([uploaded, norm, gradientScale]);
    }
    expect(state.step).toBe(3);
    state.dispose();
  }

  it('agrees with float64 over three steps with clipping and decay', async () => {
    const expected = reference(start, gradients);
    const uploaded = upload(start);
    const parameters = new Map([...uploaded].map(([path, value]) => [path, variable(value)]));
    await update(parameters);
    for (const [path, parameter] of parameters) {
      const given = await parameter.data();
      for (const [j, value] of expected.get(path)!.entries()) expect(given[j]).toBeCloseTo(value, 5);
    }
    dispose([uploaded, parameters]);
  });

  it('leaks nothing and leaves parameters without a gradient alone', async () => {
    const leaked = await leakedTensors(async () => {
      const [a, b] = [variable(tensor([1, 2], [1, 2])), variable(tensor([3], [1, 1]))];
      const parameters = new Map([
        ['a', a],
        ['b', b],
      ]);
      const optimizer = adamW({ weightDecay: 0.5 });
      const state = optimizer.init(parameters);
      expect([...state.tensors.keys()]).toEqual(['exp_avg.a', 'exp_avg_sq.a', 'exp_avg.b', 'exp_avg_sq.b']);
      const gradient = tensor([1, -1], [1, 2]);
      const gradientScale = tensor([1], []);
      optimizer.update(parameters, new Map([['a', gradient]]), state, { learningRate: 0.1, gradientScale });
      expect([...(await b.data())]).toEqual([3]);
      expect((await a.data())[0]).toBeCloseTo(0.95 - 0.1, 5);
      dispose([parameters, gradient, gradientScale]);
      state.dispose();
    });
    // two tensors stay: those that the variables were made of
    expect(leaked).toBe(2);
  });

  it('decays matrices, and no bias, not even stacked ones of experts', async () => {
    const source = ones([2, 2]);
    const names = ['experts.up_proj.weight', 'experts.up_proj.bias'];
    const parameters = new Map(names.map((name) => [name, variable(source)]));
    const optimizer = adamW({ weightDecay: 1 });
    const state = optimizer.init(parameters);
    const [zero, one] = [zeros([2, 2]), tensor([1], [])];
    optimizer.update(parameters, new Map(names.map((name) => [name, zero])), state, {
      learningRate: 0.25,
      gradientScale: one,
    });
    const values = names.map(async (name) => (await parameters.get(name)!.data())[0]);
    expect(await Promise.all(values)).toEqual([0.75, 1]);
    dispose([source, parameters, zero, one]);
    state.dispose();
  });

  it('decays what the filter says', async () => {
    const source = tensor([1], [1]);
    const parameters = new Map([['bias', variable(source)]]);
    const optimizer = adamW({ weightDecay: 1, decayFilter: (path) => path === 'bias' });
    const state = optimizer.init(parameters);
    const [zero, one] = [tensor([0], [1]), tensor([1], [])];
    optimizer.update(parameters, new Map([['bias', zero]]), state, {
      learningRate: 0.25,
      gradientScale: one,
    });
    expect([...(await parameters.get('bias')!.data())]).toEqual([0.75]);
    dispose([source, parameters, zero, one]);
    state.dispose();
  });
});
