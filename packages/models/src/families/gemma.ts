import { embedding, mul } from '@moect/tensor';
import type { ModelFamily } from '../decoder/model-family.ts';
import { GEMMA_ARCHITECTURES, gemmaMember, parseGemmaConfig } from './gemma-config.ts';
import { LLAMA_NAMES, type RotaryDecoderConfig, rotaryDecoder } from './rotary-decoder.ts';

/**
 * Gemma 2 (arXiv 2408.00118) and the text models of Gemma 3 (arXiv 2503.19786): norms before and behind attention and
 * FFN that multiply by 1 + weight, embeddings times √hiddenSize, windows in most layers. Gemma 2 caps scores and logits,
 * Gemma 3 norms queries and keys and rotates layers with and without a window differently.
 */
export const gemma: ModelFamily<RotaryDecoderConfig> = {
  name: 'gemma',
  architectures: GEMMA_ARCHITECTURES,
  matches: (json) => gemmaMember(json) !== null,
  parse: parseGemmaConfig,
  ...rotaryDecoder<RotaryDecoderConfig>({
    ...LLAMA_NAMES,
    attentionOutputNorm: 'post_attention_layernorm',
    ffnNorm: 'pre_feedforward_layernorm',
    ffnOutputNorm: 'post_feedforward_layernorm',
  }),
  embed: ({ hiddenSize }, tokens, _positions, table) =>
    mul(embedding(table(LLAMA_NAMES.tokens), tokens), Math.sqrt(hiddenSize)),
};
