import type { ModelFamily } from '../decoder/model-family.ts';
import { LLAMA_ARCHITECTURES, type LlamaConfig, llamaMember, parseLlamaConfig } from './llama-config.ts';
import { LLAMA_NAMES, rotaryDecoder } from './rotary-decoder.ts';

/** Llama (arXiv 2302.13971), Mistral, Qwen2 and Qwen3: the same tensor names, small differences. */
export const llama: ModelFamily<LlamaConfig> = {
  name: 'llama',
  architectures: LLAMA_ARCHITECTURES,
  matches: (json) => llamaMember(json) !== null,
  parse: parseLlamaConfig,
  ...rotaryDecoder<LlamaConfig>(LLAMA_NAMES),
};
