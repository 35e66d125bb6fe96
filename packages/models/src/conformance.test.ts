import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRng } from '@moect/tensor';
import { createModel, initParameters } from './families/create-model.ts';

import { loadHuggingFaceFolder } from './node/load-folder.ts';
import { tinyLlama } from './testing/tiny-llama.ts';
import { testBaseModel } from './testing.ts';

testBaseModel({ name: 'tiny-llama', create: async () => (await loadHuggingFaceFolder(tinyLlama)).model });

const config = JSON.parse(readFileSync(join(tinyLlama, 'config.json'), 'utf8'));
// everything that the tiny Llama lacks: biases, tied head, head size of its own, windows, head norms, scaling
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

const gpt2 = {
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 23,
  n_embd: 16,
  n_head: 4,
  n_layer: 2,
  n_inner: 20,
  n_positions: 64,
};
const neox = {
  architectures: ['GPTNeoXForCausalLM'],
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 20,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  max_position_embeddings: 64,
  rotary_emb_base: 500,
};
const rotary = {
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 20,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 2,
  max_position_embeddings: 64,
};
const gemma = { ...rotary, head_dim: 6, query_pre_attn_scalar: 9, sliding_window: 40 };
const experts = { num_experts: 3, num_experts_per_tok: 2, norm_topk_prob: true };
const others = {
  'Gemma 2': {
    ...gemma,
    architectures: ['Gemma2ForCausalLM'],
    attn_logit_softcapping: 3,
    final_logit_softcapping: 6,
  },
  'Gemma 3': { ...gemma, architectures: ['Gemma3ForCausalLM'], sliding_window_pattern: 2, rope_theta: 5000 },
  'Phi-3, partly rotated': {
    ...{ ...rotary, hidden_size: 32 },
    architectures: ['Phi3ForCausalLM'],
    partial_rotary_factor: 0.5,
  },
  'OLMo-2': { ...rotary, architectures: ['Olmo2ForCausalLM'] },
  'Qwen, first generation': {
    ...rotary,
    architectures: ['QWenLMHeadModel'],
    kv_channels: 4,
    seq_length: 64,
  },
  BLOOM: { architectures: ['BloomForCausalLM'], vocab_size: 23, hidden_size: 18, n_head: 3, n_layer: 2 },
  Mixtral: { ...rotary, architectures: ['MixtralForCausalLM'], num_local_experts: 3, num_experts_per_tok: 2 },
  OLMoE: { ...rotary, ...experts, architectures: ['OlmoeForCausalLM'] },
  'Qwen2-MoE': {
    ...rotary,
    ...experts,
    architectures: ['Qwen2MoeForCausalLM'],
    num_hidden_layers: 3,
    mlp_only_layers: [1],
    moe_intermediate_size: 10,
    shared_expert_intermediate_size: 12,
  },
  'GPT-2': gpt2,
  'GPT-2, own head': { ...gpt2, tie_word_embeddings: false, activation_function: 'relu' },
  'GPT-NeoX, parallel': { ...neox, rotary_pct: 0.5 },
  'GPT-NeoX, one after the other': { ...neox, use_parallel_residual: false, attention_bias: false },
};

for (const [name, change] of Object.entries({ ...variants, ...others })) {
  const own = Object.keys(variants).includes(name) ? config : {};
  // larger than fresh weights, so that every part has an effect
  const all = { ...own, initializer_range: 0.4, ...change };
  testBaseModel({ name, create: () => createModel(all, initParameters(all, createRng(11))) });
}
