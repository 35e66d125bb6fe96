import * as tf from '@tensorflow/tfjs-core';
import { classifier } from './classifier.ts';
import { LANGUAGES, SYMBOLS, WINDOW, type Windows } from './windows.ts';

export const BATCH = 64;

export interface Trainer {
  /** One step on the next windows; resolves when it is done. */
  step(): Promise<{ loss: number; milliseconds: number }>;
}

/** Trains the classifier on whatever backend is active when it is called. */
export function createTrainer({ symbols, languages, count }: Windows): Trainer {
  const model = classifier();
  let start = 0;
  /** One-hot rows by way of int32, because stock wasm makes wrong float32 one-hots. */
  const oneHot = (ids: Int32Array, depth: number): tf.Tensor =>
    tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(ids, 'int32'), depth), 'float32'));
  return {
    async step() {
      const x = tf.tidy(() =>
        tf.reshape(oneHot(symbols.subarray(start * WINDOW, (start + BATCH) * WINDOW), SYMBOLS), [
          BATCH,
          WINDOW,
          SYMBOLS,
        ]),
      );
      const y = oneHot(languages.subarray(start, start + BATCH), LANGUAGES.length);
      start = (start + BATCH) % (count - BATCH + 1);
      const begin = performance.now();
      const loss = (await model.trainOnBatch(x, y)) as number;
      const milliseconds = performance.now() - begin;
      tf.dispose([x, y]);
      return { loss, milliseconds };
    },
  };
}
