import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRng } from '@moect/tensor';
import { createModel, initParameters } from './families/create-model.ts';

import { loadHuggingFaceFolder } from './node/load-folder.ts';
import { tinyLlama } from './testing/tiny-llama.ts';
import { testBaseModel } from './testing.ts';

testBaseModel({ name: 'tiny-llama', create: async () => (await loadHuggingFaceFolder(tinyLlama)).model });

const config = JSON.parse(readFileSync(join(tinyLlama, 'config.json'), 'utf8'));
// everything that the other does not have: biases, tied head, head size of its own, windows, head norms, scaling
const variants = {
  'biases, tied head, own head size, YaRN': {
    attention_bias: true,
    mlp_bias: true,
    tie_word_embeddings: true,
    head_dim: 6,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 },
  },
  'sliding window': { architectures: ['MistralForCausalLM'], sliding_window: 80 },
  'norms of query and key': { architectures: ['Qwen3ForCausalLM'], num_key_value_heads: 1 },
};

for (const [name, change] of Object.entries(variants)) {
  // larger than fresh weights, so that every part shows
  const all = { ...config, initializer_range: 0.4, ...change };
  testBaseModel({ name, create: () => createModel(all, initParameters(all, createRng(11))) });
}
