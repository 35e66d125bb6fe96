import { type GgufArchitecture, hasBias, isTied, type RowOrder, vocabSize } from './architecture.ts';
import { ROPE_KEYS, ropeParameters } from './rope.ts';

export const gpt2: GgufArchitecture = {
  keys: ['attention.layer_norm_epsilon'],
  modules: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
    'blk.{}.attn_norm': 'transformer.h.{}.ln_1',
    'blk.{}.attn_qkv': 'transformer.h.{}.attn.c_attn',
    'blk.{}.attn_output': 'transformer.h.{}.attn.c_proj',
    'blk.{}.ffn_norm': 'transformer.h.{}.ln_2',
    'blk.{}.ffn_up': 'transformer.h.{}.mlp.c_fc',
    'blk.{}.ffn_down': 'transformer.h.{}.mlp.c_proj',
  },
  config: (header) => ({
    architectures: ['GPT2LMHeadModel'],
    n_embd: header.fields.count('embedding_length'),
    n_layer: header.fields.count('block_count'),
    n_head: header.fields.count('attention.head_count'),
    n_inner: header.fields.count('feed_forward_length'),
    n_positions: header.fields.count('context_length'),
    layer_norm_epsilon: header.fields.positive('attention.layer_norm_epsilon'),
    vocab_size: vocabSize(header),
    tie_word_embeddings: isTied(header),
  }),
};

/** llama.cpp's converter puts all queries before all keys before all values; Hugging Face has them head by head. */
export function headsFromParts(heads: number, headSize: number): RowOrder {
  return Int32Array.from({ length: 3 * heads * headSize }, (_, row) => {
    const [head, part, inside] = [
      Math.floor(row / (3 * headSize)),
      Math.floor(row / headSize) % 3,
      row % headSize,
    ];
    return (part * heads + head) * headSize + inside;
  });
}

/** Row order of fused queries, keys and values whose heads are all of one size. */
const headByHead: NonNullable<GgufArchitecture['rowOrder']> = (module, { fields }) => {
  if (module !== 'blk.{}.attn_qkv') return null;
  const heads = fields.count('attention.head_count');
  return headsFromParts(heads, fields.count('embedding_length') / heads);
};

export const gptNeox: GgufArchitecture = {
  keys: [...ROPE_KEYS, 'attention.layer_norm_epsilon', 'use_parallel_residual'],
  modules: {
    token_embd: 'gpt_neox.embed_in',
    output_norm: 'gpt_neox.final_layer_norm',
    output: 'embed_out',
    'blk.{}.attn_norm': 'gpt_neox.layers.{}.input_layernorm',
    'blk.{}.attn_qkv': 'gpt_neox.layers.{}.attention.query_key_value',
    'blk.{}.attn_output': 'gpt_neox.layers.{}.attention.dense',
    'blk.{}.ffn_norm': 'gpt_neox.layers.{}.post_attention_layernorm',
    'blk.{}.ffn_up': 'gpt_neox.layers.{}.mlp.dense_h_to_4h',
    'blk.{}.ffn_down': 'gpt_neox.layers.{}.mlp.dense_4h_to_h',
  },
  config(header) {
    const { fields } = header;
    const [hiddenSize, heads] = [fields.count('embedding_length'), fields.count('attention.head_count')];
    return {
      architectures: ['GPTNeoXForCausalLM'],
      hidden_size: hiddenSize,
      intermediate_size: fields.count('feed_forward_length'),
      num_hidden_layers: fields.count('block_count'),
      num_attention_heads: heads,
      layer_norm_eps: fields.positive('attention.layer_norm_epsilon'),
      max_position_embeddings: fields.count('context_length'),
      use_parallel_residual: fields.flag('use_parallel_residual', true),
      hidden_act: 'gelu',
      attention_bias: hasBias(header, 'attn_qkv'),
      vocab_size: vocabSize(header),
      rope_parameters: {
        ...ropeParameters(header),
        partial_rotary_factor: fields.count('rope.dimension_count') / (hiddenSize / heads),
      },
      tie_word_embeddings: isTied(header),
    };
  },
  rowOrder: headByHead,
};

export const bloom: GgufArchitecture = {
  keys: ['attention.layer_norm_epsilon', 'attention.head_count_kv', 'attention.max_alibi_bias'],
  modules: {
    token_embd: 'transformer.word_embeddings',
    token_embd_norm: 'transformer.word_embeddings_layernorm',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
    'blk.{}.attn_norm': 'transformer.h.{}.input_layernorm',
    'blk.{}.attn_qkv': 'transformer.h.{}.self_attention.query_key_value',
    'blk.{}.attn_output': 'transformer.h.{}.self_attention.dense',
    'blk.{}.ffn_norm': 'transformer.h.{}.post_attention_layernorm',
    'blk.{}.ffn_up': 'transformer.h.{}.mlp.dense_h_to_4h',
    'blk.{}.ffn_down': 'transformer.h.{}.mlp.dense_4h_to_h',
  },
  config: (header) => ({
    architectures: ['BloomForCausalLM'],
    hidden_size: header.fields.count('embedding_length'),
    n_layer: header.fields.count('block_count'),
    n_head: header.fields.count('attention.head_count'),
    seq_length: header.fields.count('context_length'),
    layer_norm_epsilon: header.fields.positive('attention.layer_norm_epsilon'),
    vocab_size: vocabSize(header),
    tie_word_embeddings: isTied(header),
  }),
  rowOrder: headByHead,
};

/** First-generation Qwen. */
export const qwen: GgufArchitecture = {
  keys: [...ROPE_KEYS, 'attention.layer_norm_rms_epsilon', 'attention.head_count_kv'],
  modules: {
    token_embd: 'transformer.wte',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
    'blk.{}.attn_norm': 'transformer.h.{}.ln_1',
    'blk.{}.attn_qkv': 'transformer.h.{}.attn.c_attn',
    'blk.{}.attn_output': 'transformer.h.{}.attn.c_proj',
    'blk.{}.ffn_norm': 'transformer.h.{}.ln_2',
    'blk.{}.ffn_up': 'transformer.h.{}.mlp.w1',
    'blk.{}.ffn_gate': 'transformer.h.{}.mlp.w2',
    'blk.{}.ffn_down': 'transformer.h.{}.mlp.c_proj',
  },
  config(header) {
    const { fields } = header;
    const [hiddenSize, heads] = [fields.count('embedding_length'), fields.count('attention.head_count')];
    return {
      architectures: ['QWenLMHeadModel'],
      hidden_size: hiddenSize,
      // twice the width of the feed-forward network, as in the model's own files
      intermediate_size: fields.count('feed_forward_length'),
      num_hidden_layers: fields.count('block_count'),
      num_attention_heads: heads,
      kv_channels: hiddenSize / heads,
      seq_length: fields.count('context_length'),
      layer_norm_epsilon: fields.positive('attention.layer_norm_rms_epsilon'),
      rotary_emb_base: fields.positive('rope.freq_base', 10000),
      no_bias: true,
      vocab_size: vocabSize(header),
      tie_word_embeddings: isTied(header),
    };
  },
};
