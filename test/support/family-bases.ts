import { opt } from '../../examples/custom-family/parts.mjs';
import { VOCAB_SIZE } from './tiny.ts';

/** Families that the configurations below need beside the built-in ones. */
export const OWN_FAMILIES = [opt];

const common = { vocab_size: VOCAB_SIZE, initializer_range: 0.3, max_position_embeddings: 64 };
const sizes = { hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 4 };
const gemma = {
  ...common,
  ...sizes,
  num_key_value_heads: 2,
  head_dim: 6,
  query_pre_attn_scalar: 9,
  sliding_window: 4,
};
const experts = { num_experts: 4, num_experts_per_tok: 2 };

/** A config.json of each family, by name. Large weights, so that logits differ clearly. */
export const FAMILY_BASES = {
  Llama: { ...common, ...sizes, model_type: 'llama', num_key_value_heads: 2 },
  'Llama with biases': { ...common, ...sizes, model_type: 'llama', attention_bias: true, mlp_bias: true },
  Qwen3: { ...common, ...sizes, model_type: 'qwen3', tie_word_embeddings: true },
  'GPT-2': { ...common, model_type: 'gpt2', n_embd: 16, n_inner: 24, n_layer: 2, n_head: 4, n_positions: 64 },
  'GPT-NeoX': { ...common, ...sizes, model_type: 'gpt_neox', rotary_pct: 0.5 },
  'GPT-NeoX, sequential': {
    ...common,
    ...sizes,
    model_type: 'gpt_neox',
    rotary_pct: 0.5,
    use_parallel_residual: false,
  },
  'Gemma 2': { ...gemma, model_type: 'gemma2', attn_logit_softcapping: 3, final_logit_softcapping: 8 },
  'Gemma 3': { ...gemma, model_type: 'gemma3_text', sliding_window_pattern: 2 },
  'Phi-3': { ...common, ...sizes, model_type: 'phi3' },
  'OLMo-2': { ...common, ...sizes, model_type: 'olmo2' },
  'Qwen, first generation': { ...common, ...sizes, model_type: 'qwen', kv_channels: 4, seq_length: 64 },
  BLOOM: { ...common, model_type: 'bloom', hidden_size: 18, n_head: 3, n_layer: 2 },
  Mixtral: { ...common, ...sizes, model_type: 'mixtral', num_local_experts: 4, num_experts_per_tok: 2 },
  OLMoE: { ...common, ...sizes, ...experts, model_type: 'olmoe' },
  'Qwen2-MoE': {
    ...{ ...common, ...sizes, ...experts, model_type: 'qwen2_moe' },
    ...{ moe_intermediate_size: 10, shared_expert_intermediate_size: 12 },
  },
  'a family of our own': { ...common, ...sizes, model_type: 'opt', ffn_dim: 24 },
};
