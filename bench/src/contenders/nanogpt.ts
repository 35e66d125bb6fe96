import type * as TensorFlow from '@tensorflow/tfjs-core';
import { ADAM, GPT, tokens } from '../cases/gpt-small.ts';
import { peerModule, requirePeer } from './peers.ts';
import { type Contender, serve } from './serve.ts';

/** The used part of genai-nanogpt's public module. */
interface NanoGpt {
  readonly models: {
    readonly NanoGPTV1: new (
      config: Readonly<Record<string, unknown>>,
    ) => {
      forward(attributes: { readonly training: boolean }, ids: TensorFlow.Tensor): TensorFlow.Tensor;
    };
  };
  readonly training: {
    readonly AdamWOptimizer: new (
      config: Readonly<Record<string, number>>,
    ) => { applyGradients(gradients: TensorFlow.NamedTensorMap): TensorFlow.Tensor };
  };
}

/** Its first architecture (RMSNorm, learned positions): the newer one has no kernels for the cpu backend. */
async function create(): Promise<Contender> {
  // as in a worker, where its bundle uses no `window`
  Object.assign(globalThis, { WorkerGlobalScope: class {} });
  const tf = requirePeer('@tensorflow/tfjs') as typeof TensorFlow;
  await tf.setBackend('cpu');
  const { models, training } = (await import(peerModule('@genai-fi/nanogpt', 'dist/main.js'))) as NanoGpt;
  const { batchSize, time, width, heads, layers, vocabSize } = GPT;
  const model = new models.NanoGPTV1({
    modelType: 'GenAI_NanoGPT_v1',
    vocabSize,
    blockSize: time,
    nLayer: layers,
    nHead: heads,
    nEmbed: width,
    mlpFactor: 4,
    useRope: false,
  });
  const { learningRate, beta1, beta2, eps } = ADAM;
  const adam = { learningRate, beta1, beta2, epsilon: eps, weightDecay: 0, lossScaling: 1 };
  const schedule = { warmupSteps: 0, decayEpochs: 1, minLearningRate: learningRate, epochSteps: 1 };
  const optimizer = new training.AdamWOptimizer({ ...adam, ...schedule });
  const { inputs, targets } = tokens();
  const ids = tf.tensor2d(inputs, [batchSize, time], 'int32');
  const labels = tf.cast(tf.oneHot(tf.tensor1d(targets, 'int32'), vocabSize), 'float32');
  const loss = (): TensorFlow.Scalar => {
    const logits = tf.reshape(model.forward({ training: true }, ids), [-1, vocabSize]);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), labels), 1))) as TensorFlow.Scalar;
  };
  return {
    async step() {
      const { value, grads } = tf.tidy(() => tf.variableGrads(loss));
      tf.dispose(optimizer.applyGradients(grads));
      tf.dispose(grads);
      const result = (await value.data())[0]!;
      value.dispose();
      return result;
    },
  };
}

serve(create);
