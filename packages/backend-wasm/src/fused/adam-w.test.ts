import { AdamW, GlobalNorm } from '@moect/kernels';
import { engine, ones, reshape, scalar, tensor, variable } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MoectWasmBackend } from '../backend.ts';
import {
  expectClose,
  floats,
  inner,
  normal,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecays: [0.1] };

function adamW(inputs: object, attrs: object): void {
  type Run = (name: string, inputs: object, attrs: object) => unknown;
  expect((engine().runKernel.bind(engine()) as unknown as Run)(AdamW.name, inputs, attrs)).toEqual([]);
}

/** Inputs of an update of one parameter. */
const one = ({ scale, ...tensors }: Record<string, unknown>): object => ({
  scale,
  ...Object.fromEntries(Object.entries(tensors).map(([name, value]) => [`${name}0`, value])),
});

/** torch.optim.AdamW, single tensor, in float64. */
function reference(p: Float64Array, g: Float64Array, m: Float64Array, v: Float64Array, step: number): void {
  const { learningRate, beta1, beta2, eps } = options;
  const weightDecay = options.weightDecays[0]!;
  for (let i = 0; i < p.length; i++) {
    p[i]! *= 1 - learningRate * weightDecay;
    m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!;
    v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! ** 2;
    const denominator = Math.sqrt(v[i]!) / Math.sqrt(1 - beta2 ** step) + eps;
    p[i]! -= ((learningRate / (1 - beta1 ** step)) * m[i]!) / denominator;
  }
}

let backend: MoectWasmBackend;
beforeAll(async () => {
  backend = await startBackend();
});

describe('GlobalNorm', () => {
  it.each([[0], [1], [5], [8192], [8193], [100_003]])('sums %i squares', (n) => {
    const x = normal([n], uniform(1), 10);
    const [norm] = runKernel(GlobalNorm, { x0: x });
    expect(norm!.shape).toEqual([]);
    // 16 squares in a lane and their sum are rounded to float32; the root halves the relative error
    expectClose(norm, [Math.sqrt(inner(x.values, x.values))], 0, 2e-7);
  });

  it('goes over many tensors, empty ones too', () => {
    const next = uniform(3);
    const all = [[3], [0], [8192], [2, 9000], [0], [1], [5]].map((shape) => normal(shape, next));
    const squares = all.reduce((sum, x) => sum + inner(x.values, x.values), 0);
    const inputs = Object.fromEntries(all.map((x, i) => [`x${i}`, x]));
    expectClose(runKernel(GlobalNorm, inputs)[0], [Math.sqrt(squares)], 0, 2e-7);
  });

  it('passes NaN on', () => {
    expectClose(runKernel(GlobalNorm, { x0: floats([2], [1, Number.NaN]) })[0], [Number.NaN], 0);
  });
});

const float32 = (v: Values): ReturnType<typeof tensor> => tensor(Float32Array.from(v.values), [...v.shape]);

describe('AdamW', () => {
  it.each([[[1]], [[3, 5]], [[70, 100]]])('follows torch.optim.AdamW in place on %j', (shape) => {
    const next = uniform(2);
    const start = normal(shape, next);
    const state = [
      start.values.slice(),
      new Float64Array(start.values.length),
      new Float64Array(start.values.length),
    ] as const;
    const [param, expAvg, expAvgSq] = state.map((values) => {
      const initial = float32({ shape, dtype: 'float32', values });
      const v = variable(initial);
      initial.dispose();
      return v;
    });
    const before = [engine().memory().numTensors, backend.runtime.allocator.liveBytes];
    for (let step = 1; step <= 5; step++) {
      const gradient = normal(shape, next);
      const [grad, scale] = [float32(gradient), scalar(0.5)];
      adamW(one({ param, grad, expAvg, expAvgSq, scale }), { ...options, step });
      reference(
        state[0],
        gradient.values.map((g) => g * 0.5),
        state[1],
        state[2],
        step,
      );
      grad.dispose();
      scale.dispose();
    }
    const read = (v: typeof param): Values => floats(shape, v!.dataSync());
    // five updates of float32 state: each rounds p, m and v once or twice
    expectClose(read(param), state[0], 1e-6, 1e-6);
    expectClose(read(expAvg), state[1], 1e-7, 1e-6);
    expectClose(read(expAvgSq), state[2], 1e-9, 1e-6);
    // the first step moves the values to the heap, later ones allocate nothing
    expect(engine().memory().numTensors).toBe(before[0]);
    for (const v of [param, expAvg, expAvgSq]) v!.dispose();
  });

  it('leaves a clone, a reshape and the source of tf.variable alone', () => {
    const source = ones([4]);
    const param = variable(source);
    const [clone, reshaped] = [param.clone(), reshape(param, [2, 2])];
    const [expAvg, expAvgSq] = [variable(ones([4])), variable(ones([4]))];
    const [grad, scale] = [ones([4]), ones([1])];
    const tensors = engine().memory().numTensors;
    for (const step of [1, 2]) {
      adamW(one({ param, grad, expAvg, expAvgSq, scale }), { ...options, step });
    }
    expect(engine().memory().numTensors).toBe(tensors);
    for (const other of [source, clone, reshaped]) expect([...other.dataSync()]).toEqual([1, 1, 1, 1]);
    expect(param.dataSync()[0]).toBeLessThan(1);
    for (const t of [source, param, clone, reshaped, expAvg, expAvgSq, grad, scale]) t.dispose();
  });

  it('refuses a gradient of another shape, a scale that is no scalar and step 0', () => {
    const [p, m, v] = [variable(ones([2])), variable(ones([2])), variable(ones([2]))];
    const inputs = one({ param: p, grad: ones([2]), expAvg: m, expAvgSq: v, scale: scalar(1) });
    const attrs = { ...options, step: 1 };
    expect(() => adamW({ ...inputs, grad0: ones([3]) }, attrs)).toThrow('expected float32 [2]');
    expect(() => adamW({ ...inputs, scale: ones([2]) }, attrs)).toThrow('[] or [1]');
    expect(() => adamW(inputs, { ...options, step: 0 })).toThrow('step counts from 1');
  });
});
