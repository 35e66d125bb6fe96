import type { Callback } from '@moect/core';
import {
  createBatchSource,
  createByteTokenizer,
  packDocuments,
  prefixTokenId,
  tokenizeDocuments,
} from '@moect/data';
import { moeCt } from '@moect/experts';
import { createModel, initParameters } from '@moect/models';
import { createRng, selectBackend } from '@moect/tensor';
import { adamW, constant, train } from '@moect/trainer';
import { cosineRouter } from './cosine-router.ts';

await selectBackend('auto');

// a random Llama of two small layers, in place of a base that you would load
const config = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 258,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
};
const base = createModel(config, initParameters(config, createRng(1)));

const tokenizer = createByteTokenizer();
const text = 'Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri.';
const cache = await tokenizeDocuments(tokenizer, [{ id: 'udhr-1', text, language: 'swh_Latn' }]);
const sequences = packDocuments(cache, { sequenceLength: 32, bosTokenId: prefixTokenId(tokenizer) });
const languages = [{ code: 'swh_Latn', role: 'new', sequences }] as const;
const data = createBatchSource({ languages, batchSize: 4, seed: 1, tokenizerId: 'bytes' });

// the router goes in by name; `router` in the settings chooses it and holds its options
const method = moeCt({ routers: { cosine: cosineRouter } });
const settings = { router: { type: 'cosine', scale: 5 }, numExperts: 4, topK: 2 };
const extension = method.attach(base, settings, createRng(2));

const losses: number[] = [];
const record: Callback = {
  contract: 'callback/1',
  name: 'record',
  onStep: ({ loss }) => void losses.push(loss),
};
const totalSteps = 30;
await train({
  base,
  extension,
  data,
  totalSteps,
  optimizer: adamW(),
  schedule: constant({ learningRate: 5e-3, totalSteps }),
  callbacks: [record],
});

console.log(`loss before ${losses[0]!.toFixed(2)}, after ${totalSteps} steps ${losses.at(-1)!.toFixed(2)}`);
extension.dispose();
base.dispose();
