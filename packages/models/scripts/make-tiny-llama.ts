/**
 * Writes fixtures/tiny-llama: a random Llama of a few kB for tests of clones that have nothing else.
 * Run: node --conditions=@moect/source --import tsx packages/models/scripts/make-tiny-llama.ts
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writeJsonAtomic, writeSafetensorsFile } from '@moect/safetensors/node';
import { createRng } from '@moect/tensor';
import { parameterShapes } from '../src/index.ts';
import { float64Llama } from '../src/testing/float64-llama.ts';

const folder = fileURLToPath(new URL('../fixtures/tiny-llama/', import.meta.url));

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 23,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-3,
  rope_theta: 500,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
  torch_dtype: 'float32',
};

// large enough that every part shows in the logits
const weights = new Map(
  [...parameterShapes(config)].map(([name, shape]) => {
    const rng = createRng(2024).fork(name);
    const count = shape.reduce((a, b) => a * b, 1);
    const data =
      shape.length === 1 ? rng.normal(count, 1, 0.25) : rng.normal(count, 0, 1.4 / Math.sqrt(shape[1]!));
    return [name, { shape, data }];
  }),
);
const tokens = [1, ...createRng(7).integers(20, config.vocab_size)];
const logits = float64Llama(config, weights, tokens).map((row) => row.map((x) => Number(x.toFixed(9))));

await mkdir(folder, { recursive: true });
await writeJsonAtomic(`${folder}config.json`, config);
await writeSafetensorsFile(`${folder}model.safetensors`, weights);
await writeJsonAtomic(`${folder}expected.json`, { tokens, logits: logits.slice(-4) });
