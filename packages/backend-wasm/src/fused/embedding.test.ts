import { Embedding, EmbeddingGrad } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  count,
  expectClose,
  floats,
  ints,
  normal,
  randomInts,
  runKernel,
  startBackend,
  uniform,
} from './test-support.ts';

beforeAll(async () => {
  await startBackend();
});

describe('Embedding', () => {
  it.each([
    [1, 1, [1]],
    [5, 3, [2, 4]],
    [100, 33, [3, 2, 7]],
    [2048, 128, [16, 16]],
    [4, 2, [0]],
    [3, 2, []],
  ] as [number, number, number[]][])(
    'takes rows of [%i, %i] by ids %j, and adds their gradients',
    (rows, d, shape) => {
      const next = uniform(1);
      const table = normal([rows, d], next);
      const ids = randomInts(shape, next, 0, rows);
      const [y] = runKernel(Embedding, { table, ids });
      expect(y!.shape).toEqual([...shape, d]);
      const picked = Array.from(ids.values).flatMap((id) => [...table.values.subarray(id * d, (id + 1) * d)]);
      expectClose(y, picked, 0);
      const dy = normal([...shape, d], next);
      const expected = new Float64Array(rows * d);
      for (let i = 0; i < count(shape); i++) {
        for (let j = 0; j < d; j++) expected[ids.values[i]! * d + j]! += dy.values[i * d + j]!;
      }
      const [grad] = runKernel(EmbeddingGrad, { ids, dy }, { vocabSize: rows });
      expect(grad!.shape).toEqual([rows, d]);
      // at most a few dozen additions of numbers about 1
      expectClose(grad, expected, 3e-6);
    },
  );

  it.each([[-1], [3]])('refuses id %i of 3 rows', (id) => {
    const ids = ints([2], [0, id]);
    expect(() => runKernel(Embedding, { table: floats([3, 1], [1, 2, 3]), ids })).toThrow(
      `element 1 is ${id}`,
    );
    const dy = floats([2, 1], [1, 2]);
    expect(() => runKernel(EmbeddingGrad, { ids, dy }, { vocabSize: 3 })).toThrow(`element 1 is ${id}`);
  });

  it('refuses float ids', () => {
    const inputs = { table: floats([3, 1], [1, 2, 3]), ids: floats([1], [0]) };
    expect(() => runKernel(Embedding, inputs)).toThrow('dtype float32');
  });
});
