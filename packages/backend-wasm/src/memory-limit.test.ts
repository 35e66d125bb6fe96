import { BackendUnavailableError } from '@moect/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { startWasm } from './test-support.ts';

test('when memory is used up, the error says what was asked for, and the backend goes on', async () => {
  const backend = await startWasm({ maxMemoryBytes: 48 << 20 });
  const { allocator } = backend.runtime;
  const [a, b] = [tf.fill([1024, 1024], 1), tf.fill([1024, 1024], 2)] as [tf.Tensor2D, tf.Tensor2D];
  const before = [tf.memory().numTensors, backend.numDataIds(), allocator.liveBytes];
  const rest: number[] = [];
  expect(() => {
    for (;;) rest.push(allocator.alloc(1 << 20));
  }).toThrow(/1048\d\d\d more bytes.*\d+ are in use.*ends at 48 MiB.*batch.*recompute.*storage/);
  // there is room for the result of 4 MiB, but not for the panels of the product
  for (const block of rest.splice(-5)) allocator.release(block, 1 << 20);
  for (let i = 0; i < 20; i++) expect(() => tf.matMul(a, b)).toThrow(BackendUnavailableError);
  for (const block of rest) allocator.release(block, 1 << 20);
  expect([tf.memory().numTensors, backend.numDataIds(), allocator.liveBytes]).toEqual(before);
  const product = tf.matMul(a, b);
  expect((await product.data())[0]).toBe(2048);
  tf.dispose([product, a, b]);
});
