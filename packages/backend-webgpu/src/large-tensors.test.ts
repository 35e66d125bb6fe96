import type { Tensor, Variable } from '@moect/core';
import { isBlockStorage } from '@moect/kernels';
import * as ops from '@moect/tensor';
import { leakedTensors, selectBackend } from '@moect/tensor/testing';
import { randomBlocks } from 'moect-test-support/random-blocks';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { limitsOf } from './device-limits.ts';
import { activeWebgpu as backend, difference, noAdapter, skipNote, withFloats } from './test-support.ts';

const random = (shape: readonly number[], seed: number): Tensor =>
  ops.randomNormal(ops.createRng(seed), shape, 1);
const whole = 2 ** 24;

describe.skipIf(noAdapter)(`tensors larger than a binding${skipNote}`, () => {
  beforeAll(async () => {
    await selectBackend('webgpu');
  });
  afterEach(() => {
    Object.assign(backend().limits, limitsOf(backend().device));
  });

  const sizes = [
    // bindings hold multiples of 64 rows, or fewer rows
    [300, 12, 8],
    [9, 300, 7],
    [20, 16, 300],
    [90, 110, 70],
    [70, 30, 300],
  ] as const;
  const transpositions = [false, true].flatMap((a) => [false, true].map((b) => [a, b] as const));

  it.each(transpositions.flatMap((t) => sizes.map((size) => [...size, ...t] as const)))(
    'products %i × %i, %i terms, aᵀ %s, bᵀ %s',
    async (m, n, k, transposeA, transposeB) => {
      const a = random([2, ...(transposeA ? [k, m] : [m, k])], 1);
      const b = random([2, ...(transposeB ? [n, k] : [k, n])], 2);
      const run = (): Tensor[] => [ops.matMul(a, b, { transposeA, transposeB })];
      const expected = await withFloats(whole, run);
      // sums of float32 in another order
      expect(difference(await withFloats(1024, run), expected)).toBeLessThan(2e-6);
      ops.dispose([a, b]);
    },
  );

  it('cross-entropy of a linear layer, with its gradients', async () => {
    const [rows, vocabSize, d] = [150, 400, 12];
    const [input, weight] = [random([rows, d], 3), random([vocabSize, d], 4)];
    const [input2, weight2] = [random([rows, 9], 5), random([vocabSize, 9], 6)];
    const targets = ops.tensor(ops.createRng(5).integers(rows, vocabSize), [rows], 'int32');
    const run = (): Tensor[] => {
      const terms = [
        { input, weight, trainable: true },
        { input: input2, weight: weight2, trainable: true },
      ];
      const named = new Map(Object.entries({ input, weight, input2, weight2 }));
      const { value, gradients } = ops.valueAndGrads(
        () => ops.linearCrossEntropy(terms, targets, 1 / rows).loss,
        named,
      );
      return [value, ...gradients.values()];
    };
    const expected = await withFloats(whole, run);
    expect(expected).toHaveLength(5);
    // the weights have 4,800 and 3,600 values, logits have 60,000
    expect(difference(await withFloats(1000, run), expected)).toBeLessThan(2e-6);
    ops.dispose([input, weight, input2, weight2, targets]);
  });

  it('cross-entropy of logits and its gradient: the same bits', async () => {
    const logits = random([300, 15], 3);
    const targets = ops.tensor(ops.createRng(5).integers(300, 15), [300], 'int32');
    const run = (): Tensor[] => {
      const losses = (): Tensor => ops.crossEntropy(logits, targets);
      const { gradients } = ops.valueAndGrads(() => ops.sum(losses()), new Map([['logits', logits]]));
      return [losses(), ...gradients.values()];
    };
    expect(await withFloats(1000, run)).toEqual(await withFloats(whole, run));
    ops.dispose([logits, targets]);
  });

  it.each([12, 40])('rows of a table and their gradient, width %i: the same bits', async (d) => {
    const table = random([200, d], 6);
    const ids = ops.tensor(ops.createRng(7).integers(20, 200), [20], 'int32');
    const weights = random([20, d], 8);
    const run = (): Tensor[] => {
      const named = new Map([['table', table]]);
      const { gradients } = ops.valueAndGrads(
        () => ops.sum(ops.mul(ops.embedding(table, ids), weights)),
        named,
      );
      return [ops.embedding(table, ids), gradients.get('table')!];
    };
    expect(await withFloats(1000, run)).toEqual(await withFloats(whole, run));
    ops.dispose([table, ids, weights]);
  });

  it.each([
    ['bfloat16', 12],
    ['int8', 12],
    ['q8_0', 32],
    ['q4_1', 32],
    ['float16', 13],
  ] as const)('frozen weights in %s', async (storage, width) => {
    // 4,200 words or more; 256 rows have 3,072 values or more
    const source = random([1400, width], 9);
    const weight = isBlockStorage(storage)
      ? ops.frozenFromBlocks(randomBlocks(storage, 1400, width))
      : await ops.compressFrozen(source, storage);
    const [input, slopes] = [random([90, width], 10), random([90, 1400], 11)];
    const ids = ops.tensor(ops.createRng(7).integers(20, 1400), [20], 'int32');
    const targets = ops.tensor(ops.createRng(5).integers(90, 1400), [90], 'int32');
    const run = (): Tensor[] => {
      const terms = [{ input, weight, trainable: false }];
      const { value, gradients } = ops.valueAndGrads(
        () => ops.linearCrossEntropy(terms, targets, 0.1).loss,
        new Map([['input', input]]),
      );
      const sums = [
        ops.matMul(input, weight, { transposeB: true }),
        ops.matMul(slopes, weight),
        ops.matMul(weight, slopes, { transposeA: true, transposeB: true }),
      ];
      return [value, gradients.get('input')!, ...sums, ops.embedding(weight, ids)];
    };
    const expected = await withFloats(whole, run);
    // a part has 256 rows at least
    const limit = Math.max(3200, 90 * width + 64, 256 * width);
    expect(difference(await withFloats(limit, run), expected)).toBeLessThan(2e-6);
    ops.dispose([source, weight, input, slopes, ids, targets]);
  });

  it('norm, AdamW and arithmetic of weights: the same bits', async () => {
    const shapes = [[3], [700, 3], [5000]];
    const run = (): Tensor[] => {
      const gradients = shapes.map((shape, i) => random(shape, i));
      const norm = ops.globalNorm(gradients);
      const variables: Variable[] = [];
      const made = (shape: readonly number[], seed: number): Variable => {
        const start = seed === 0 ? ops.zerosLike(random(shape, 1)) : random(shape, seed);
        const variable = ops.variable(start);
        variables.push(variable);
        return variable;
      };
      const entries = shapes.map((shape, i) => ({
        parameter: made(shape, 30 + i),
        gradient: gradients[i]!,
        expAvg: made(shape, 0),
        expAvgSq: made(shape, 0),
        weightDecay: 0.1,
      }));
      const scale = ops.clipScale(norm, 1);
      const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8 };
      ops.adamWUpdate(entries, scale, { ...options, step: 1 });
      ops.adamWUpdate(entries, scale, { ...options, step: 2 });
      const last = gradients.at(-1)!;
      const results = [norm, ...variables.map((x) => ops.add(x, 0)), ops.sub(last, 1), ops.mul(last, last)];
      ops.dispose(variables);
      return results;
    };
    expect(await withFloats(1024, run)).toEqual(await withFloats(whole, run));
  });

  it('activations: the same bits, and nothing is left behind', async () => {
    const [gate, up] = [random([50, 60], 1), random([50, 60], 2)];
    const run = (): Tensor[] => [ops.swiglu(gate, up), ops.gelu(gate)];
    const expected = await withFloats(whole, run);
    const leaked = await leakedTensors(async () => {
      expect(await withFloats(1000, run)).toEqual(expected);
    });
    expect(leaked).toBe(0);
    ops.dispose([gate, up]);
  });

  it('a kernel that needs all of a tensor says what is too large, the limit and what to change', () => {
    Object.assign(backend().limits, { bindingBytes: 2 ** 12 });
    const x = random([50, 60], 1);
    const message = /topK needs 0\.0114 MiB of a tensor \[50,60\].* at most 0\.00391 MiB.*batchSize/s;
    expect(() => ops.tidy(() => ops.topK(x, 2))).toThrow(message);
    expect(() => ops.tidy(() => ops.max(x, 1))).toThrow(/needs .* of a tensor \[50,60\].*batchSize/s);
    x.dispose();
  });

  it('a kernel whose smallest part is too large says that fewer sequences would not help', () => {
    Object.assign(backend().limits, { bindingBytes: 2 ** 12 });
    const [x, weight] = [random([2, 1100], 1), random([1100], 2)];
    const message = /rmsNorm.* needs 0\.00\d+ MiB of a tensor \[2,1100\].* would not help.*sequenceLength/s;
    expect(() => ops.tidy(() => ops.rmsNorm(x, weight, 1e-5))).toThrow(message);
    ops.dispose([x, weight]);
  });

  it('experts of which one is too large are refused', () => {
    Object.assign(backend().limits, { bindingBytes: 2 ** 12 });
    const [x, w] = [random([4, 60], 1), random([2, 30, 60], 2)];
    const offsets = ops.tensor([0, 2, 4], [3], 'int32');
    const message = /groupedMatMul.* of a tensor \[2,30,60\].*smaller layers/s;
    expect(() => ops.tidy(() => ops.groupedMatMul(x, w, offsets))).toThrow(message);
    ops.dispose([x, w, offsets]);
  });

  it('a tensor larger than a buffer is refused', () => {
    Object.assign(backend().limits, { bufferBytes: 2 ** 12 });
    const message = /tensor \[50,60\] takes 0\.0114 MiB, and a buffer of this GPU at most 0\.00391 MiB/;
    const x = random([50, 60], 1);
    expect(() => ops.tidy(() => ops.add(x, 1))).toThrow(message);
    x.dispose();
  });
});
