import type { BaseModel } from '@moect/core';
import { createModel, initParameters } from '@moect/models';
import { clone, createRng, randomNormal } from '@moect/tensor';

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
  return createModel(config, initParameters(config, createRng(11)));
}

/** A random GPT-2 of the same size: a plain FFN with biases, fused attention. */
export function tinyGpt2(changes: Record<string, number | boolean | string> = {}): BaseModel {
  const config = {
    model_type: 'gpt2',
    vocab_size: 37,
    n_embd: 16,
    n_inner: 24,
    n_layer: 3,
    n_head: 4,
    n_positions: 64,
    initializer_range: 0.3,
    ...changes,
  };
  return createModel(config, initParameters(config, createRng(11)));
}

/** A random GPT-NeoX of the same size: attention and FFN read the same stream. */
export function tinyNeox(): BaseModel {
  const config = {
    model_type: 'gpt_neox',
    vocab_size: 37,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    max_position_embeddings: 64,
    rotary_pct: 0.5,
    initializer_range: 0.3,
  };
  return createModel(config, initParameters(config, createRng(11)));
}

/** The base with random biases, because fresh ones are 0. Disposes the given base. */
export function withRandomBiases(base: BaseModel): BaseModel {
  const parameters = new Map(
    [...base.parameters].map(([name, weight]) => [
      name,
      name.endsWith('.bias') ? randomNormal(createRng(4).fork(name), weight.shape, 0.5) : clone(weight),
    ]),
  );
  base.dispose();
  return createModel(base.config, parameters);
}
