import type { GgufArchitecture } from './architecture.ts';
import { gpt2, gptNeox } from './gpt-architectures.ts';
import { llama, qwen2, qwen3 } from './llama-architectures.ts';

/** The architectures that are read, by `general.architecture`. A further one is a row here and a family. */
export const GGUF_ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  llama,
  qwen2,
  qwen3,
  gpt2,
  gptneox: gptNeox,
};
