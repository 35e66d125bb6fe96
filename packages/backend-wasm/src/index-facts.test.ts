import { fromTf } from '@moect/kernels';
import { embedding, sortByExpert, topK } from '@moect/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test } from 'vitest';
import { factsOf, firstNotPermutation, firstOutside, permutationOf, risingTo } from './index-facts.ts';
import { startWasm } from './test-support.ts';

afterEach(() => tf.setBackend('cpu'));

test('what a look at values finds', () => {
  expect(factsOf([0, 2, 2, 5])).toEqual({ low: 0, high: 5, isRising: true, isPermutation: false });
  expect(factsOf([2, 0, 1])).toEqual({ low: 0, high: 2, isRising: false, isPermutation: true });
  expect(factsOf([-1, 3])).toMatchObject({ low: -1, high: 3, isPermutation: false });
  // empty: fits any bounds
  expect(factsOf([])).toMatchObject({ low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY });
  expect([firstOutside([3, 4, 9, 2], 2, 9), firstOutside([1], 0, 2), firstOutside([-1], 0, 2)]).toEqual([
    2, -1, 0,
  ]);
  expect(
    [
      [0, 1, 1],
      [1, 0],
      [0, 2],
      [0, -1],
    ].map(firstNotPermutation),
  ).toEqual([2, -1, 1, 1]);
});

test('what kernels say of the indices that they make is so', async () => {
  const backend = await startWasm({ threads: 2 });
  const [scores, keys] = [tf.randomNormal([50, 7]), tf.tensor([2, 0, 2, 4, 0, 1], [3, 2], 'int32')];
  const chosen = topK(fromTf(scores), 3);
  const sorted = sortByExpert(fromTf(keys), 5);
  const { order, inverse, offsets } = sorted;
  const facts = (x: unknown) => backend.indexFacts(x as tf.TensorInfo);
  expect(facts(chosen.indices)).toMatchObject({ low: 0, high: 6 });
  expect([facts(order), facts(inverse), facts(offsets)]).toEqual([
    permutationOf(6),
    permutationOf(6),
    risingTo(6),
  ]);
  for (const made of [chosen.indices, ...Object.values(sorted)]) {
    const seen = factsOf(await (made as unknown as tf.Tensor).data());
    const said = facts(made);
    expect(seen.low).toBeGreaterThanOrEqual(said.low);
    expect(seen.high).toBeLessThanOrEqual(said.high);
    if (said.isPermutation) expect(seen.isPermutation).toBe(true);
    if (said.isRising) expect(seen).toMatchObject({ isRising: true, low: said.low, high: said.high });
  }
  tf.dispose([scores, keys, ...[chosen, sorted].flatMap((x) => Object.values(x) as unknown as tf.Tensor[])]);
});

test('indices out of range are refused wherever they come from, and bounds that are wider than the values are not', async () => {
  await startWasm({ threads: 2 });
  const table = tf.ones([4, 3]);
  const [uploaded, many] = [tf.tensor1d([0, 4, 1], 'int32'), tf.fill([70_000], 9, 'int32')];
  // made by a kernel that reports no bounds
  const computed = tf.add(uploaded, tf.scalar(1, 'int32'));
  const { indices } = topK(fromTf(tf.tensor2d([[1, 2, 3, 4, 5, 6, 0, 0]])), 2);
  const look = (ids: unknown) => embedding(fromTf(table), ids as never);
  expect(() => look(uploaded)).toThrow(/ids \(element 1 is 4\).*integers from 0 to 3/);
  expect(() => look(many)).toThrow(/ids \(element 0 is 9\)/);
  expect(() => look(computed)).toThrow(/ids \(element 1 is 5\)/);
  expect(() => look(indices)).toThrow(/ids \(element 0 is 5\)/);
  const { indices: low } = topK(fromTf(tf.tensor2d([[6, 5, 4, 0, 0, 0, 0, 0]])), 2);
  expect([...(await look(low).data())]).toEqual(new Array(6).fill(1));
  // the same with the stock operation
  expect(() => tf.gather(table, uploaded)).toThrow(/index value 4 is not in \[0, 3\]/);
  expect(() => tf.gather(table, computed)).toThrow(/index value 5/);
  tf.dispose([table, uploaded, many, computed]);
});
