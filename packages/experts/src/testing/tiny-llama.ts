import type { BaseModel } from '@moect/core';
import { createLlama, initLlamaParameters } from '@moect/models';
import { createRng } from '@moect/tensor';

/** A random base with grouped heads and clearly different logits. */
export function tinyLlama(changes: Record<string, number | boolean> = {}): BaseModel {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 37,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    rope_theta: 500,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    initializer_range: 0.3,
    ...changes,
  };
  return createLlama(config, initLlamaParameters(config, createRng(11)));
}
