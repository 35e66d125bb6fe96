const router = `
  import { createRng, ones, selectBackend } from '@moect/tensor';
  import { topKRouter } from '@moect/router';
  await selectBackend('auto');
  const router = topKRouter({ topK: 2 });
  const params = router.init(createRng(1), { hiddenSize: 4, numExperts: 3 });
  const { expertWeights } = router.route(params, ones([5, 4]), { training: false });
  const weights = await expertWeights.data();
  console.log(Math.abs(weights[0] + weights[1] - 1) < 1e-6 ? 'ok' : weights);
`;

const TINY_LLAMA = `
  const config = { model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 16,
    intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2,
    vocab_size: 258, max_position_embeddings: 32, rms_norm_eps: 1e-5, rope_theta: 10000,
    tie_word_embeddings: true };
`;

/** A typical first program with each package; prints `ok`. */
export const USES: Readonly<Record<string, string>> = {
  core: `
    import { MoectError, NoSuchComponentError } from '@moect/core';
    const error = new NoSuchComponentError('router', 'x', ['topK']);
    console.log(MoectError.isInstance(error) ? 'ok' : error);
  `,
  kernels: `
    import { KERNELS, RmsNorm, readerOf } from '@moect/kernels';
    const read = readerOf(RmsNorm);
    const tensor = (shape) => ({ dataId: {}, shape, dtype: 'float32' });
    const { dims, rows } = read({ inputs: { x: tensor([2, 3, 4]), weight: tensor([4]) }, attrs: { eps: 1 } });
    console.log(KERNELS.length > 40 && dims.d === 4 && rows === 6 ? 'ok' : [dims, rows]);
  `,
  'backend-wasm': `
    import '@moect/backend-wasm';
    import * as tf from '@tensorflow/tfjs-core';
    await tf.setBackend('moect-wasm');
    const gradient = tf.grad((w) => tf.sum(tf.square(tf.matMul(tf.ones([2, 3]), w))))(tf.ones([3, 1]));
    const values = await gradient.data();
    console.log(values.every((value) => value === 12) ? 'ok' : values);
  `,
  'backend-webgpu': `
    import { registerWebgpuBackend } from '@moect/backend-webgpu';
    const error = await registerWebgpuBackend().catch((error) => error);
    console.log(/npm install .*tfjs-backend-webgpu/.test(error.message) ? 'ok' : error);
  `,
  'backend-node': `
    import { tensorflowObstacle, useNode } from '@moect/backend-node';
    const error = await useNode().catch((error) => error);
    const right = /neither .*tfjs-node/.test(tensorflowObstacle()) && /npm install @tensorflow/.test(error.message);
    console.log(right ? 'ok' : error);
  `,
  tensor: `
    import { matMul, ones, rmsNorm, selectBackend, sum, valueAndGrads } from '@moect/tensor';
    await selectBackend('auto');
    const x = ones([2, 3]);
    const loss = () => sum(matMul(rmsNorm(x, ones([3]), 0), ones([3, 2])));
    const { value, gradients } = valueAndGrads(loss, new Map([['x', x]]));
    const [total, gradient] = [(await value.data())[0], await gradients.get('x').data()];
    const absent = await selectBackend('node').catch(({ message }) => message);
    const right = total === 12 && gradient.every((g) => Math.abs(g) < 1e-6);
    console.log(right && /npm install @moect.backend-node @tensorflow.tfjs-node/.test(absent) ? 'ok' : [total, gradient, absent]);
  `,
  safetensors: `
    import { readSafetensors, writeSafetensors } from '@moect/safetensors';
    import { openSafetensors, writeSafetensorsFile } from '@moect/safetensors/node';
    const tensors = [['x', { shape: [2], data: Float32Array.of(1, 2) }]];
    const { data } = await (await readSafetensors(writeSafetensors(tensors))).tensor('x');
    await writeSafetensorsFile('x.safetensors', tensors);
    const file = await openSafetensors('x.safetensors');
    const shape = (await file.tensor('x')).shape;
    await file.close();
    console.log(data[1] === 2 && shape[0] === 2 ? 'ok' : [data, shape]);
  `,
  router,
  freeze: `
    import { ones, selectBackend } from '@moect/tensor';
    import { digestParameters } from '@moect/freeze';
    await selectBackend('cpu');
    const digest = await digestParameters(new Map([['weight', ones([2])]]));
    console.log(/^[0-9a-f]{64}$/.test(digest) ? 'ok' : digest);
  `,
  data: `
    import { createBatchSource, createByteTokenizer, documentFrame, packDocuments, tokenizeDocuments } from '@moect/data';
    const tokenizer = createByteTokenizer();
    const cache = await tokenizeDocuments(tokenizer, [{ id: 'a', text: 'habari ya dunia', language: 'swh_Latn' }]);
    const sequences = packDocuments(cache, { sequenceLength: 8, prefixIds: documentFrame(tokenizer).prefixIds });
    const source = createBatchSource({ languages: [{ code: 'swh_Latn', role: 'new', sequences }],
      batchSize: 2, seed: 1, tokenizerId: 'bytes' });
    console.log(source.batch(3).tokens.length === 16 ? 'ok' : source);
  `,
  models: `
    import { createModel, generate, initParameters } from '@moect/models';
    import { createRng, selectBackend } from '@moect/tensor';
    await selectBackend('auto');
    ${TINY_LLAMA}
    const model = createModel(config, initParameters(config, createRng(1)));
    const { tokens } = await generate(model, [1, 2], { maxNewTokens: 3, temperature: 0 });
    console.log(tokens.length === 3 ? 'ok' : tokens);
  `,
  experts: `
    import { moeCt } from '@moect/experts';
    import * as experts from '@moect/experts';
    console.log(moeCt().contract === 'method/1' && experts.bayesianMixture ? 'ok' : experts);
  `,
  trainer: `
    import { adamW, cosine } from '@moect/trainer';
    const schedule = cosine({ learningRate: 1, totalSteps: 10 });
    console.log(adamW().name === 'adamw' && schedule(0) === 1 ? 'ok' : schedule(0));
  `,
  eval: `
    import { bitsPerByte } from '@moect/eval';
    const score = { id: 'a', language: 'x', bytes: 2, logProbs: Float64Array.of(-Math.LN2, -Math.LN2) };
    console.log(bitsPerByte([score]) === 1 ? 'ok' : bitsPerByte([score]));
  `,
  report: `
    import { parseReport, renderReport } from '@moect/report';
    import { readReport, writeReport } from '@moect/report/node';
    const method = { name: 'ct', seed: 0, trainableParameters: 1, trainedTokens: 1, tokensPerSecond: 1,
      bitsPerByte: { x: { before: 2, after: 1, change: -1, ci95: [-1.1, -0.9] } } };
    await writeReport('report.json', parseReport({ schema: 'moect-report/1', seconds: 1, peakRssBytes: 1,
      backend: { name: 'cpu', threads: 1, detail: '' }, base: { parameters: 1, sha256Before: 'a', sha256After: 'a' },
      languages: [{ code: 'x', role: 'new', heldOutDocuments: 1, heldOutBytes: 1, trainedTokens: 1 }],
      methods: [method] }));
    const page = await renderReport(await readReport('report.json'));
    // no plotting package is here
    const right = page.includes('<table') && page.includes('npm install vega vega-lite') && !page.includes('<svg');
    console.log(right ? 'ok' : page);
  `,
  moect: `
    import { execFileSync } from 'node:child_process';
    import { createMoect } from 'moect';
    const help = execFileSync('npx', ['moect', '--help'], { encoding: 'utf8' });
    console.log(createMoect().presets.size >= 6 && help.includes('train') ? 'ok' : help);
  `,
};

/** A program of @tensorflow/tfjs, with one import and one line for our backend; a few steps of a network of layers. */
export const PLAIN_TFJS: string = `
  import * as tf from '@tensorflow/tfjs';
  import '@moect/backend-wasm';
  await tf.setBackend('moect-wasm');
  const model = tf.sequential();
  model.add(tf.layers.dense({ units: 16, activation: 'tanh', inputShape: [4] }));
  model.add(tf.layers.dense({ units: 1 }));
  model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
  const x = tf.randomNormal([64, 4], 0, 1, 'float32', 1);
  const { history } = await model.fit(x, tf.sum(x, 1, true), { epochs: 20, verbose: 0 });
  const [first, last] = [history.loss[0], history.loss.at(-1)];
  console.log(tf.getBackend() === 'moect-wasm' && last < first / 4 ? 'ok' : [tf.getBackend(), first, last]);
`;
