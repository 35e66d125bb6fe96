import type { GgufArchitecture } from './architecture.ts';
import { KEYS, llamaConfig, MODULES } from './llama-architectures.ts';

export const phi3: GgufArchitecture = {
  keys: [...KEYS, 'attention.sliding_window'],
  modules: {
    ...MODULES,
    'blk.{}.attn_qkv': 'model.layers.{}.self_attn.qkv_proj',
    // the rows of the gate, then those of up
    'blk.{}.ffn_up': 'model.layers.{}.mlp.gate_up_proj',
  },
  config(header) {
    const { fields, shape } = header;
    if (shape('rope_factors_long.weight') !== undefined) {
      fields.problem(
        'rope_factors_long.weight',
        'LongRoPE is not supported; take the model with the short context',
      );
    }
    const { rope_parameters: rope, ...config } = llamaConfig(header, 'Phi3ForCausalLM', true);
    const size = Number(config['head_dim']);
    const window = fields.count('attention.sliding_window', 0, 0);
    return {
      ...config,
      sliding_window: window === 0 ? null : window,
      rope_parameters: {
        ...(rope as object),
        partial_rotary_factor: fields.count('rope.dimension_count', size) / size,
      },
    };
  },
};

const { 'blk.{}.attn_norm': _attention, 'blk.{}.ffn_norm': _ffn, ...WITHOUT_NORMS } = MODULES;

export const olmo2: GgufArchitecture = {
  keys: KEYS,
  modules: {
    ...WITHOUT_NORMS,
    'blk.{}.post_attention_norm': 'model.layers.{}.post_attention_layernorm',
    'blk.{}.post_ffw_norm': 'model.layers.{}.post_feedforward_layernorm',
  },
  config: (header) => llamaConfig(header, 'Olmo2ForCausalLM'),
};
