import {
  CombineRows,
  CombineRowsGrad,
  SlotRowsGrad,
  SortByExpert,
  TopK,
  WeightedRowsGrad,
} from '@moect/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectClose,
  floats,
  inner,
  ints,
  normal,
  randomInts,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

beforeAll(async () => {
  await startBackend();
});

describe('TopK', () => {
  it.each([
    [1, 1, 1],
    [5, 3, 2],
    [33, 8, 2],
    [64, 16, 16],
    [3, 300, 40],
    [0, 4, 2],
  ])('orders [%i, %i] for k = %i', (n, e, k) => {
    const next = uniform(1);
    // few distinct values, so that there are ties
    const scores = floats(
      [n, e],
      Array.from({ length: n * e }, () => Math.floor(next() * 6) / 4),
    );
    const expected = Array.from({ length: n }, (_, i) =>
      Array.from({ length: e }, (_, j) => j)
        .sort((a, b) => scores.values[i * e + b]! - scores.values[i * e + a]! || a - b)
        .slice(0, k),
    );
    const [values, indices] = runKernel(TopK, { scores }, { k });
    expect(indices!.dtype).toBe('int32');
    expectClose(indices, expected.flat(), 0);
    expectClose(
      values,
      expected.flatMap((ids, i) => ids.map((j) => scores.values[i * e + j]!)),
      0,
    );
  });

  it('puts NaN first and keeps rows of -Infinity apart', () => {
    const low = Number.NEGATIVE_INFINITY;
    const scores = floats([2, 3], [1, Number.NaN, 2, low, low, low]);
    const [values, indices] = runKernel(TopK, { scores }, { k: 2 });
    expectClose(values, [Number.NaN, 2, low, low], 0);
    expectClose(indices, [1, 2, 0, 1], 0);
  });

  it.each([
    [0, 'k = 0'],
    [4, 'k = 4'],
    [1.5, 'k must be an integer of at least 0, not 1.5'],
  ])('refuses k = %d of 3', (k, message) => {
    expect(() => runKernel(TopK, { scores: floats([1, 3], [1, 2, 3]) }, { k })).toThrow(message);
  });
});

describe('SortByExpert', () => {
  it.each([
    [1, 1, 1],
    [7, 2, 4],
    [100, 3, 16],
    [2048, 2, 8],
    [0, 2, 3],
    [5, 1, 40],
  ])('groups [%i, %i] slots by %i experts', (n, k, numExperts) => {
    const expertIndices = randomInts([n, k], uniform(2), 0, numExperts);
    const keys = expertIndices.values;
    const slots = Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
    const [order, inverse, offsets, tokens] = runKernel(SortByExpert, { expertIndices }, { numExperts });
    expectClose(order, slots, 0);
    expectClose(
      tokens,
      slots.map((slot) => Math.floor(slot / k)),
      0,
    );
    const back = new Float64Array(n * k);
    for (const [i, slot] of slots.entries()) back[slot] = i;
    expectClose(inverse, back, 0);
    const starts = Array.from({ length: numExperts + 1 }, (_, e) => keys.filter((key) => key < e).length);
    expectClose(offsets, starts, 0);
  });

  it('refuses an expert that does not exist', () => {
    const expertIndices = ints([1, 2], [0, 3]);
    expect(() => runKernel(SortByExpert, { expertIndices }, { numExperts: 3 })).toThrow('element 1 is 3');
  });
});

describe('SlotRowsGrad', () => {
  it.each([
    [1, 1, 1],
    [5, 2, 3],
    [33, 3, 20],
    [0, 2, 4],
  ])('adds up the slots of [%i, %i] rows of %i', (n, k, d) => {
    const dy = normal([n * k, d], uniform(7));
    const inverse = ints(
      [n * k],
      Array.from({ length: n * k }, (_, i) => (i * 7 + 3) % (n * k)),
    );
    const sum = new Float64Array(n * d);
    for (const [slot, row] of inverse.values.entries()) {
      for (let i = 0; i < d; i++) sum[Math.floor(slot / k) * d + i]! += dy.values[row * d + i]!;
    }
    expectClose(runKernel(SlotRowsGrad, { dy, inverse }, { topK: k })[0], sum, 1e-6);
  });

  it('refuses rows that are no multiple of topK', () => {
    const inputs = { dy: floats([3, 1], [1, 2, 3]), inverse: ints([3], [0, 1, 2]) };
    expect(() => runKernel(SlotRowsGrad, inputs, { topK: 2 })).toThrow('a multiple of topK = 2');
  });
});

describe('CombineRows', () => {
  it.each([
    [1, 1, 1],
    [5, 2, 3],
    [33, 3, 20],
    [64, 2, 128],
    [0, 2, 4],
  ])('brings [%i, %i] slots of %i back', (n, k, d) => {
    const next = uniform(3);
    const [rows, weights, dy] = [normal([n * k, d], next), normal([n, k], next), normal([n, d], next)];
    const shuffled = Array.from({ length: n * k }, (_, i) => [next(), i] as const).sort(
      (a, b) => a[0] - b[0],
    );
    const inverse = ints(
      [n * k],
      shuffled.map(([, i]) => i),
    );
    const row = (slot: number): Float64Array =>
      rows.values.subarray(inverse.values[slot]! * d).subarray(0, d);
    const [out] = runKernel(CombineRows, { rows, inverse, weights });
    const sum = new Float64Array(n * d);
    const drows = new Float64Array(n * k * d);
    for (let slot = 0; slot < n * k; slot++) {
      const token = Math.floor(slot / k);
      for (let i = 0; i < d; i++) {
        sum[token * d + i]! += weights.values[slot]! * row(slot)[i]!;
        drows[inverse.values[slot]! * d + i] = weights.values[slot]! * dy.values[token * d + i]!;
      }
    }
    expectClose(out, sum, 1e-6);
    const [grows, gweights] = runKernel(CombineRowsGrad, { rows, inverse, weights, dy });
    expectClose(grows, drows, 1e-6);
    const dots = weights.values.map((_, slot) =>
      inner(row(slot), dy.values.subarray(Math.floor(slot / k) * d)),
    );
    expectClose(gweights, dots, 5e-6);
  });

  it('refuses an inverse that is no permutation', () => {
    const inputs = {
      rows: floats([2, 1], [1, 2]),
      weights: floats([1, 2], [1, 1]),
      inverse: ints([2], [1, 1]),
    };
    const dy = floats([1, 1], [1]);
    expect(() => runKernel(CombineRowsGrad, { ...inputs, dy })).toThrow('element 1 is 1');
    expect(() => runKernel(CombineRows, { ...inputs, inverse: ints([2], [0, 2]) })).toThrow('element 1 is 2');
  });
});

describe('WeightedRowsGrad', () => {
  it.each([1, 3])(
    'weights rows in place and gives the gradient of the weights, %i threads',
    async (threads) => {
      await startBackend({ threads });
      const next = uniform(9);
      const [tokens, k, d, width] = [37, 2, 19, 22];
      const x = normal([tokens * k, d], next);
      const back = normal([tokens * k, d], next);
      const dy = normal([tokens * k, width], next);
      const weights = normal([tokens, k], next);
      const inverse = ints([tokens * k], [...Array(tokens * k).keys()].reverse());
      const tensorOf = ({ shape, dtype, values }: Values): tf.Tensor =>
        tf.tensor([...values], [...shape], dtype);
      const inputs = {
        x: tensorOf(x),
        back: tensorOf(back),
        dy: tensorOf(dy),
        inverse: tensorOf(inverse),
        weights: tensorOf(weights),
      };
      const dweights = tf.engine().runKernel(WeightedRowsGrad.name, inputs) as tf.Tensor;
      const read = (t: tf.Tensor, like: Values): Values => ({
        ...like,
        values: Float64Array.from(t.dataSync()),
      });
      const [newBack, newDy, gradient] = [
        read(inputs.back, back),
        read(inputs.dy, dy),
        read(dweights, weights),
      ];
      for (const tensor of [...Object.values(inputs), dweights]) tensor.dispose();
      const weightOf = (row: number): number => weights.values[tokens * k - 1 - row]!;
      const scaled = ({ values, shape }: Values): Float64Array =>
        values.map((v, i) => v * weightOf(Math.floor(i / shape[1]!)));
      expectClose(newBack, scaled(back), 1e-6);
      expectClose(newDy, scaled(dy), 1e-6);
      const expected = Array.from({ length: tokens * k }, (_, at) => {
        const row = tokens * k - 1 - at;
        return inner(x.values.slice(row * d, (row + 1) * d), back.values.slice(row * d, (row + 1) * d));
      });
      expectClose(gradient, expected, 1e-5);
    },
  );

  it('refuses rows that are no permutation', () => {
    const row = floats([2, 1], [1, 2]);
    const inputs = {
      x: row,
      back: row,
      dy: row,
      inverse: ints([2], [0, 0]),
      weights: floats([1, 2], [1, 1]),
    };
    expect(() => runKernel(WeightedRowsGrad, inputs)).toThrow('permutation');
  });
});
