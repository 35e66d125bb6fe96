import type { BaseModel, ForwardOptions, Tensor } from '@moect/core';
import { createModel, initParameters } from '@moect/models';
import { createRng, dispose, tensor } from '@moect/tensor';

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

export function tokenBatch(batch: number, time: number, vocabSize = 37, seed = 5): Tensor {
  return tensor(createRng(seed).integers(batch * time, vocabSize), [batch, time], 'int32');
}

/** All logits of one forward pass, on the host. */
export async function logitsOf(
  base: BaseModel,
  tokens: Tensor,
  options: ForwardOptions = {},
): Promise<Float32Array> {
  const result = base.forward(tokens, options);
  const values = (await result.logits.data()) as Float32Array;
  // a backend may hand out a view of its memory
  const copy = values.slice();
  dispose(result);
  return copy;
}
