import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import type { WasmMemory } from './backend.ts';
import { startWasm } from './test-support.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const report = (): WasmMemory => tf.memory() as unknown as WasmMemory;

/** Collects garbage until the finalisers have run, or for a second. */
async function collectUntil(done: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !done(); i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function forget(count: number, size: number): void {
  for (let i = 0; i < count; i++) tf.neg(tf.range(0, size));
}

test('large tensors that were forgotten give their memory back when they are collected, others stay', async () => {
  const backend = await startWasm();
  const kept = tf.tidy(() => tf.add(tf.range(0, 100_000), 1));
  const alias = tf.tidy(() => tf.reshape(tf.add(tf.range(0, 100_000), 2), [1000, 100]));
  const before = { heap: report().heapBytesInUse, ids: backend.numDataIds() };
  forget(10, 100_000);
  expect(report().heapBytesInUse).toBeGreaterThan(before.heap + 10 * 400_000);
  await collectUntil(() => report().leakedTensors >= 20);
  expect(report()).toMatchObject({ leakedTensors: 20, heapBytesInUse: before.heap });
  expect(report().leakedBytes).toBeGreaterThanOrEqual(10 * 400_000);
  expect(backend.numDataIds()).toBe(before.ids);
  // freed memory is used again, kept tensors are intact
  tf.dispose(tf.fill([100_000], 7));
  expect((await kept.data())[99_999]).toBe(100_000);
  expect((await alias.data())[99_999]).toBe(100_001);
  tf.dispose([kept, alias]);
});

test('a program that forgets more than the memory holds goes on where the collector keeps up', async () => {
  await startWasm({ maxMemoryBytes: 64 << 20 });
  for (let i = 0; i < 20; i++) {
    // 160 MB in all
    forget(2, 1_000_000);
    await collectUntil(() => report().leakedTensors >= 4 * i);
  }
  expect(report().heapBytes).toBeLessThanOrEqual(64 << 20);
});

test('small tensors are watched when asked for', async () => {
  await startWasm({ reportLeaks: true });
  const { heapBytesInUse } = report();
  forget(10, 100);
  await collectUntil(() => report().leakedTensors >= 20);
  expect(report()).toMatchObject({ leakedTensors: 20, heapBytesInUse });
});
