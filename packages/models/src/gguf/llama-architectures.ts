import type { JsonObject } from '@moect/core';
import { type GgufArchitecture, hasBias, isTied, type RowOrder, vocabSize } from './architecture.ts';
import type { ModelHeader } from './model-header.ts';
import { ROPE_KEYS, ropeParameters } from './rope.ts';

export const KEYS = [
  ...ROPE_KEYS,
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.layer_norm_rms_epsilon',
];

export const MODULES = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
  'blk.{}.attn_norm': 'model.layers.{}.input_layernorm',
  'blk.{}.attn_q': 'model.layers.{}.self_attn.q_proj',
  'blk.{}.attn_k': 'model.layers.{}.self_attn.k_proj',
  'blk.{}.attn_v': 'model.layers.{}.self_attn.v_proj',
  'blk.{}.attn_q_norm': 'model.layers.{}.self_attn.q_norm',
  'blk.{}.attn_k_norm': 'model.layers.{}.self_attn.k_norm',
  'blk.{}.attn_output': 'model.layers.{}.self_attn.o_proj',
  'blk.{}.ffn_norm': 'model.layers.{}.post_attention_layernorm',
  'blk.{}.ffn_gate': 'model.layers.{}.mlp.gate_proj',
  'blk.{}.ffn_up': 'model.layers.{}.mlp.up_proj',
  'blk.{}.ffn_down': 'model.layers.{}.mlp.down_proj',
};

function headDim({ fields }: ModelHeader, hiddenSize: number, heads: number, partial: boolean): number {
  const size = fields.count('attention.key_length', hiddenSize / heads);
  const values = fields.count('attention.value_length', size);
  if (values !== size) fields.problem('attention.value_length', `is ${values}, keys have ${size}`);
  const rotated = fields.count('rope.dimension_count', size);
  if (!partial && rotated !== size)
    fields.problem('rope.dimension_count', `is ${rotated}, heads have ${size}`);
  return size;
}

/** What Llama and its relatives have in common. @param partial heads may be rotated in part */
export function llamaConfig(header: ModelHeader, architecture: string, partial = false): JsonObject {
  const { fields } = header;
  const hiddenSize = fields.count('embedding_length');
  const heads = fields.count('attention.head_count');
  return {
    architectures: [architecture],
    hidden_size: hiddenSize,
    intermediate_size: fields.count('feed_forward_length'),
    num_hidden_layers: fields.count('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: fields.count('attention.head_count_kv', heads),
    head_dim: headDim(header, hiddenSize, heads, partial),
    rms_norm_eps: fields.positive('attention.layer_norm_rms_epsilon'),
    max_position_embeddings: fields.count('context_length'),
    vocab_size: vocabSize(header),
    rope_parameters: ropeParameters(header),
    tie_word_embeddings: isTied(header),
  };
}

/**
 * llama.cpp rotates neighbouring dimensions where Hugging Face rotates halves, so its converter takes the two halves of
 * each head alternately: row 2j + s of a head in the file is row s · headDim / 2 + j.
 */
export function halvesFromPairs(heads: number, headSize: number): RowOrder {
  const half = headSize / 2;
  return Int32Array.from({ length: heads * headSize }, (_, row) => {
    const [head, inside] = [Math.floor(row / headSize), row % headSize];
    return head * headSize + 2 * (inside % half) + Math.floor(inside / half);
  });
}

/** Llama 1 to 3.2, SmolLM2, TinyLlama; and Mistral, which differs by its window of attention. */
export const llama: GgufArchitecture = {
  keys: [...KEYS, 'attention.sliding_window', 'expert_count', 'expert_used_count'],
  modules: MODULES,
  config(header) {
    const { fields, value } = header;
    if (fields.count('expert_count', 0, 0) > 0)
      fields.problem('expert_count', 'mixtures of experts are not read');
    if (value('attention.sliding_window') != null) {
      const window = fields.count('attention.sliding_window');
      return { ...llamaConfig(header, 'MistralForCausalLM'), sliding_window: window };
    }
    return {
      ...llamaConfig(header, 'LlamaForCausalLM'),
      attention_bias: hasBias(header, 'attn_q'),
      mlp_bias: hasBias(header, 'ffn_up'),
    };
  },
  rowOrder(module, { fields, shape }) {
    if (module !== 'blk.{}.attn_q' && module !== 'blk.{}.attn_k') return null;
    const heads = fields.count('attention.head_count');
    const count = module === 'blk.{}.attn_q' ? heads : fields.count('attention.head_count_kv', heads);
    const rows = shape(`${module.replace('{}', '0')}.weight`)?.[0] ?? 0;
    return halvesFromPairs(count, rows / count);
  },
};

export const qwen2: GgufArchitecture = {
  keys: KEYS,
  modules: MODULES,
  config: (header) => llamaConfig(header, 'Qwen2ForCausalLM'),
};

export const qwen3: GgufArchitecture = {
  keys: KEYS,
  modules: MODULES,
  config: (header) => ({
    ...llamaConfig(header, 'Qwen3ForCausalLM'),
    attention_bias: hasBias(header, 'attn_q'),
  }),
};
