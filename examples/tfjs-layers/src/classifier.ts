import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { LANGUAGES, SYMBOLS, WINDOW } from './windows.ts';

export const WIDTH = 128;
const HIDDEN = 512;

/**
 * Classifier of the language that a window of letters is from: one transformer block of stock layers. This is ordinary
 * TensorFlow.js code; nothing here knows of a backend. Letters come in as one-hot rows, because stock wasm cannot train
 * an Embedding layer (it has no kernel UnsortedSegmentSum).
 */
export function classifier(): tfl.LayersModel {
  let seed = 0;
  const dense = (units: number, activation: 'linear' | 'relu' | 'softmax' = 'linear') =>
    tfl.layers.dense({
      units,
      activation,
      kernelInitializer: tfl.initializers.glorotUniform({ seed: ++seed }),
    });
  const letters = tfl.input({ shape: [WINDOW, SYMBOLS] });
  const embedded = dense(WIDTH).apply(letters) as tfl.SymbolicTensor;
  const [query, key, value] = [1, 2, 3].map(() => dense(WIDTH).apply(embedded) as tfl.SymbolicTensor);
  const scores = tfl.layers.dot({ axes: 2 }).apply([query!, key!]) as tfl.SymbolicTensor;
  const weights = tfl.layers.softmax({ axis: -1 }).apply(scores) as tfl.SymbolicTensor;
  const attended = tfl.layers.dot({ axes: [2, 1] }).apply([weights, value!]) as tfl.SymbolicTensor;
  const sum = tfl.layers.add().apply([embedded, attended]) as tfl.SymbolicTensor;
  const normal = tfl.layers.layerNormalization().apply(sum) as tfl.SymbolicTensor;
  const hidden = dense(HIDDEN, 'relu').apply(normal) as tfl.SymbolicTensor;
  const block = tfl.layers.add().apply([sum, dense(WIDTH).apply(hidden) as tfl.SymbolicTensor]);
  const mean = tfl.layers.globalAveragePooling1d().apply(block);
  const model = tfl.model({
    inputs: letters,
    outputs: dense(LANGUAGES.length, 'softmax').apply(mean) as tfl.SymbolicTensor,
  });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: 'categoricalCrossentropy' });
  return model;
}
