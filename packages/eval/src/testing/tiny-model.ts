import type { BaseModel, Document, Tokenizer } from '@moect/core';
import { createModel, initParameters } from '@moect/models';
import { createRng } from '@moect/tensor';

const VOCAB_SIZE = 40;

/** A random Llama with grouped heads and clearly different logits. */
export function tinyBase(maxPositions = 16): BaseModel {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: VOCAB_SIZE,
    max_position_embeddings: maxPositions,
    rms_norm_eps: 1e-5,
    rope_theta: 500,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    initializer_range: 0.3,
  };
  return createModel(config, initParameters(config, createRng(11)));
}

/** One token a UTF-16 unit: 2 + its code modulo 38. */
export function tinyTokenizer(bosTokenId: number | null = 1): Tokenizer {
  return {
    vocabSize: VOCAB_SIZE,
    bosTokenId,
    eosTokenIds: [0],
    encode: (text) => Array.from({ length: text.length }, (_, i) => 2 + (text.charCodeAt(i) % 38)),
    decode: (ids) => String.fromCharCode(...ids.map((id) => id + 62)),
  };
}

/** Random lower-case letters. */
export function letters(length: number, seed = 0): string {
  return String.fromCharCode(...Array.from(createRng(seed).integers(length, 26), (n) => 97 + n));
}

export function documentOf(text: string, id: string = text.slice(0, 8), language = 'aaa_Latn'): Document {
  return { id, text, language };
}
