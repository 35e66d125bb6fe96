import type { BaseModel } from '@moect/core';
import { createRng } from '@moect/tensor';
import { createModel, initParameters } from '../families/create-model.ts';

/** A random Llama of six narrow layers. */
export function deepLlama(seed: number): BaseModel {
  const config = {
    architectures: ['LlamaForCausalLM'],
    vocab_size: 23,
    hidden_size: 16,
    intermediate_size: 20,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-6,
    initializer_range: 0.4,
  };
  return createModel(config, initParameters(config, createRng(seed)));
}
