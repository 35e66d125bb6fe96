import type * as TensorFlow from '@tensorflow/tfjs-core';
import { ADAM, GPT, initialWeights, tokens } from '../cases/gpt-small.ts';
import { startDawn } from './dawn.ts';
import { type Contender, serve } from './serve.ts';
import { chosenTensorFlow } from './tfjs-backend.ts';

const { batchSize, time, width, heads, vocabSize } = GPT;

let tf: typeof TensorFlow;

const layerNorm = (x: TensorFlow.Tensor, weight: TensorFlow.Tensor): TensorFlow.Tensor => {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight);
};

const gelu = (x: TensorFlow.Tensor): TensorFlow.Tensor => {
  const cube = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(tf.mul(tf.add(x, cube), Math.sqrt(2 / Math.PI))), 1));
};

async function create(): Promise<Contender> {
  // before TensorFlow.js, which looks for WebGPU when it is imported
  const gpu = process.env['BENCH_BACKEND'] === 'webgpu' ? await startDawn() : undefined;
  tf = await chosenTensorFlow();
  const weights: Record<string, TensorFlow.Variable> = {};
  for (const [name, { shape, values }] of Object.entries(initialWeights())) {
    weights[name] = tf.variable(tf.tensor(values, shape), true, name);
  }
  const { inputs, targets } = tokens();
  // one-hot, because stock wasm has no gradient for gather; the cast, because its float one-hot is wrong
  const oneHot = (ids: Int32Array): TensorFlow.Tensor2D =>
    tf.cast(tf.oneHot(tf.tensor1d(ids, 'int32'), vocabSize), 'float32') as TensorFlow.Tensor2D;
  const isGathered = process.env['BENCH_EMBEDDING'] === 'gather';
  const x = isGathered ? tf.tensor1d(inputs, 'int32') : oneHot(inputs);
  const y = oneHot(targets);
  const future = tf.tensor(
    Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0)),
    [1, 1, time, time],
  );
  const optimizer = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.eps);
  return {
    ...(gpu && { gpu }),
    async step() {
      const value = optimizer.minimize(() => tf.tidy(() => loss(weights, x, y, future)), true)!;
      const result = (await value.data())[0]!;
      value.dispose();
      return result;
    },
  };
}

function loss(
  weights: Record<string, TensorFlow.Variable>,
  inputs: TensorFlow.Tensor1D | TensorFlow.Tensor2D,
  targets: TensorFlow.Tensor2D,
  future: TensorFlow.Tensor,
): TensorFlow.Scalar {
  const at = (name: string): TensorFlow.Tensor2D => weights[name] as unknown as TensorFlow.Tensor2D;
  const rows = (x: TensorFlow.Tensor): TensorFlow.Tensor2D =>
    tf.reshape(x, [batchSize * time, -1]) as TensorFlow.Tensor2D;
  const wordVectors =
    inputs.rank === 1 ? tf.gather(at('wte'), inputs as TensorFlow.Tensor1D) : tf.matMul(inputs, at('wte'));
  const embedded = tf.reshape(wordVectors, [batchSize, time, width]);
  let x: TensorFlow.Tensor = rows(tf.add(embedded, at('wpe')));
  for (let i = 0; i < GPT.layers; i++) {
    const qkv = tf.matMul(rows(layerNorm(x, at(`ln1_${i}`))), at(`qkv_${i}`));
    const [q, k, v] = tf
      .split(qkv, 3, 1)
      .map((part) => tf.transpose(tf.reshape(part, [batchSize, time, heads, width / heads]), [0, 2, 1, 3]));
    const scores = tf.mul(tf.matMul(q!, k!, false, true), 1 / Math.sqrt(width / heads));
    const attended = tf.matMul(tf.softmax(tf.add(scores, future)), v!);
    x = tf.add(x, tf.matMul(rows(tf.transpose(attended, [0, 2, 1, 3])), at(`out_${i}`)));
    const hidden = gelu(tf.matMul(rows(layerNorm(x, at(`ln2_${i}`))), at(`up_${i}`)));
    x = tf.add(x, tf.matMul(hidden as TensorFlow.Tensor2D, at(`down_${i}`)));
  }
  const logits = tf.matMul(rows(layerNorm(x, at('lnf'))), at('wte'), false, true);
  return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), targets), 1))) as TensorFlow.Scalar;
}

serve(create);
