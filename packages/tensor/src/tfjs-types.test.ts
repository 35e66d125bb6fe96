import type { Tensor, Variable } from '@moect/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { selectBackend } from './index.ts';
import { fromTf } from './tf.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

it("TensorFlow.js's operations take our tensors, for the compiler too", async () => {
  const balance: Tensor = fromTf(tf.scalar(2));
  const weight = fromTf(tf.variable(tf.ones([2]))) as Variable;
  const loss: tf.Tensor = tf.add(tf.scalar(1), balance);
  expect((await tf.mul(loss, balance).data())[0]).toBe(6);
  expect((await tf.sum(weight).data())[0]).toBe(2);
});
