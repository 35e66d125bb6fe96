import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { startWasm } from './test-support.ts';

test('forgotten tensors are counted when asked for', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await startWasm({ reportLeaks: true });
  const forget = (): void => {
    for (let i = 0; i < 10; i++) tf.add(tf.range(0, 1000), i);
  };
  forget();
  const kept = tf.add(tf.range(0, 1000), 1);
  const report = (): { leakedTensors: number; leakedBytes: number } => tf.memory() as never;
  for (let i = 0; i < 50 && report().leakedTensors < 10; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(report().leakedTensors).toBeGreaterThanOrEqual(10);
  expect(report().leakedBytes).toBeGreaterThanOrEqual(10 * 4000);
  kept.dispose();
});
