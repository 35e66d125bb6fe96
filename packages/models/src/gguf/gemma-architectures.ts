import type { JsonObject } from '@moect/core';
import type { GgufArchitecture } from './architecture.ts';
import { KEYS, llamaConfig, MODULES } from './llama-architectures.ts';
import type { ModelHeader } from './model-header.ts';

const { 'blk.{}.ffn_norm': _none, ...OTHERS } = MODULES;

const GEMMA_MODULES = {
  ...OTHERS,
  'blk.{}.post_attention_norm': 'model.layers.{}.post_attention_layernorm',
  'blk.{}.ffn_norm': 'model.layers.{}.pre_feedforward_layernorm',
  'blk.{}.post_ffw_norm': 'model.layers.{}.post_feedforward_layernorm',
};

/** Gemma multiplies by 1 + weight; llama.cpp's converter adds the 1. */
const shift = (module: string): number => (module.endsWith('norm') ? 1 : 0);

/**
 * What scores are divided by the root of. Files do not say it: llama.cpp takes the size of a head, but the width by the
 * number of heads for the largest model of each generation, which it knows by its number of layers.
 */
function scoreScalar({ head_dim: size, hidden_size: width, ...config }: JsonObject, largest: number): number {
  const isLargest = config['num_hidden_layers'] === largest;
  return isLargest ? Number(width) / Number(config['num_attention_heads']) : Number(size);
}

/** A cap of the file; null where it has none. */
function cap({ fields, value }: ModelHeader, key: string): number | null {
  return value(key) == null ? null : fields.positive(key);
}

export const gemma2: GgufArchitecture = {
  keys: [...KEYS, 'attention.sliding_window', 'attn_logit_softcapping', 'final_logit_softcapping'],
  modules: GEMMA_MODULES,
  shift,
  config(header) {
    const config = llamaConfig(header, 'Gemma2ForCausalLM');
    return {
      ...config,
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: scoreScalar(config, 46),
      sliding_window: header.fields.count('attention.sliding_window'),
      attn_logit_softcapping: cap(header, 'attn_logit_softcapping'),
      final_logit_softcapping: cap(header, 'final_logit_softcapping'),
    };
  },
};

/** Every sixth layer sees everything, unless the file says so for each layer. */
function windowPattern({ fields, value }: ModelHeader): JsonObject {
  const pattern = value('attention.sliding_window_pattern');
  if (!Array.isArray(pattern)) {
    return { sliding_window_pattern: fields.count('attention.sliding_window_pattern', 6) };
  }
  return {
    layer_types: pattern.map((isLocal) => (isLocal === true ? 'sliding_attention' : 'full_attention')),
  };
}

export const gemma3: GgufArchitecture = {
  keys: [
    ...KEYS,
    'attention.sliding_window',
    'attention.sliding_window_pattern',
    'final_logit_softcapping',
    'rope.freq_base_swa',
  ],
  modules: GEMMA_MODULES,
  shift,
  config(header) {
    const { fields } = header;
    const { rope_parameters: rope, ...config } = llamaConfig(header, 'Gemma3ForCausalLM');
    return {
      ...config,
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: scoreScalar(config, 62),
      sliding_window: fields.count('attention.sliding_window'),
      ...windowPattern(header),
      final_logit_softcapping: cap(header, 'final_logit_softcapping'),
      // scaling is of the layers that see everything
      rope_parameters: {
        full_attention: { ...(rope as JsonObject), rope_theta: fields.positive('rope.freq_base', 1e6) },
        sliding_attention: { rope_type: 'default', rope_theta: fields.positive('rope.freq_base_swa', 1e4) },
      },
    };
  },
};
