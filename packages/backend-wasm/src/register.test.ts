import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { registerWasmBackend } from './register.ts';
import { startWasm } from './test-support.ts';

test('disposed by TensorFlow.js, the backend starts anew with the options it had', async () => {
  const first = await startWasm({ threads: 2, deterministic: true });
  // never disposed: it is freed with the first backend
  tf.ones([4]);
  tf.engine().reset();
  expect(first.runtime.threads).toBe(1);
  const second = await startWasm();
  expect(second).not.toBe(first);
  expect(second.runtime).toMatchObject({ threads: 2, relaxedSimd: false });
  expect((await tf.add(tf.ones([4]), 1).data())[3]).toBe(2);
});

test('other options are free to take where the old backend was disposed with tensors in it', async () => {
  await startWasm();
  tf.ones([4]);
  tf.engine().reset();
  expect(await registerWasmBackend({ threads: 3 })).toMatchObject({ threads: 3 });
});

test('a name taken out of TensorFlow.js can come back', async () => {
  await startWasm();
  tf.removeBackend('moect-wasm');
  expect(tf.engine().registryFactory['moect-wasm']).toBeUndefined();
  await startWasm({ threads: 1 });
  expect(tf.getBackend()).toBe('moect-wasm');
});
