import type { GgufArchitecture } from './architecture.ts';
import { gemma2, gemma3 } from './gemma-architectures.ts';
import { bloom, gpt2, gptNeox, qwen } from './gpt-architectures.ts';
import { llama, qwen2, qwen3 } from './llama-architectures.ts';
import { olmo2, phi3 } from './llama-relatives.ts';

/** The architectures that are read, by `general.architecture`. A further one is a row here and a family. */
export const GGUF_ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  llama,
  qwen2,
  qwen3,
  gpt2,
  gptneox: gptNeox,
  gemma2,
  gemma3,
  phi3,
  olmo2,
  bloom,
  qwen,
};
