import { BackendUnavailableError } from '@moect/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import type { MoectWasmBackend } from './backend.ts';
import { wasmHeapBytes } from './heap.ts';
import { registerWasmBackend } from './register.ts';
import { startWasm } from './test-support.ts';

let backend: MoectWasmBackend;

beforeAll(async () => {
  backend = await startWasm();
});

test('10,000 training steps leave tensors and heap as they were', () => {
  const weight = tf.variable(tf.randomNormal([8, 8], 0, 0.1, 'float32', 1));
  const optimizer = tf.train.adam(1e-3);
  const x = tf.randomNormal([4, 8], 0, 1, 'float32', 2);
  const step = (): void => {
    optimizer.minimize(() => {
      const y = tf.softmax(tf.matMul(tf.relu(x), weight as unknown as tf.Tensor2D));
      return tf.neg(tf.mean(tf.log(tf.add(y, 1e-3)))) as tf.Scalar;
    });
  };
  for (let i = 0; i < 3; i++) step();
  const before = [tf.memory().numTensors, wasmHeapBytes(), backend.runtime.memoryBytes];
  for (let i = 0; i < 10_000; i++) step();
  expect([tf.memory().numTensors, wasmHeapBytes(), backend.runtime.memoryBytes]).toEqual(before);
  tf.dispose([weight, x]);
  optimizer.dispose();
});

test('memory grows and what was there stays', async () => {
  const first = tf.range(0, 1000);
  const twice = tf.mul(first, 2);
  const size = backend.runtime.memoryBytes;
  const many = Array.from({ length: 12 }, (_, i) => tf.fill([1 << 20, 2], i));
  expect(backend.runtime.memoryBytes).toBeGreaterThan(size);
  const sums = many.map((t) => tf.tidy(() => tf.sum(t).dataSync()[0]));
  expect(sums).toEqual(many.map((_, i) => i * (1 << 21)));
  expect((await twice.data())[999]).toBe(1998);
  const heap = wasmHeapBytes();
  tf.dispose(many);
  expect(wasmHeapBytes()).toBeLessThan(heap - 12 * 8_000_000);
  tf.dispose([first, twice]);
});

test('what was read stays after dispose and reuse', async () => {
  const x = tf.add(tf.range(0, 100), 0);
  const read = await x.data();
  x.dispose();
  tf.dispose(tf.fill([100], 7));
  expect(read[50]).toBe(50);
});

test('a part of a tensor that a cpu kernel hands on does not alias the heap', async () => {
  const x = tf.cast(tf.mul(tf.range(0, 64, 1, 'int32'), 1), 'int32');
  // complex numbers have no wasm kernel: cpu kernels slice them
  const c = tf.complex(tf.cast(x, 'float32'), tf.zeros([64]));
  const part = tf.real(c);
  tf.dispose([x, c]);
  tf.dispose(tf.fill([64], 9));
  expect((await part.data())[10]).toBe(10);
  part.dispose();
});

test('kernels of the cpu backend and ours mix, whatever the dtype', async () => {
  const values = await tf
    .tidy(() => {
      const labels = tf.tensor1d([1, 0, 2], 'int32');
      // cpu relabels int32 as float32: the wasm product must still read numbers
      const float = tf.mul(tf.cast(labels, 'float32'), 0.5);
      const hot = tf.oneHot(labels, 3, 1, 0, 'float32') as tf.Tensor2D;
      return tf.add(float, tf.reshape(tf.matMul(hot, tf.tensor2d([[10], [20], [30]])), [3]));
    })
    .data();
  expect([...values]).toEqual([20.5, 10, 31]);
});

test('more than 4 GiB is an error that says what to do', () => {
  expect(() => backend.temporary(5 * 2 ** 30)).toThrow(BackendUnavailableError);
  expect(() => backend.temporary(5 * 2 ** 30)).toThrow(/batch/);
});

test('memory above 2 GiB can be used', async () => {
  const { runtime } = backend;
  const gap = 2 ** 31;
  const block = backend.temporary(gap);
  const x = tf.add(tf.range(0, 100), 0.5);
  expect(backend.pointer(x)).toBeGreaterThan(0);
  const high = tf.matMul(tf.reshape(tf.fill([4096], 2), [64, 64]), tf.reshape(tf.fill([4096], 3), [64, 64]));
  expect(runtime.memoryBytes).toBeGreaterThan(gap);
  expect((await high.data())[4095]).toBe(384);
  backend.releaseTemporary(block, gap);
  tf.dispose([x, high]);
});

test('the backend says how much it holds, and options change only while it is empty', async () => {
  const info = await registerWasmBackend();
  expect(info.name).toBe('moect-wasm');
  expect(tf.memory()).toMatchObject({ unreliable: false });
  const x = tf.ones([4]);
  await expect(registerWasmBackend({ relaxedSimd: false })).rejects.toThrow(/tensors/);
  x.dispose();
});
