export {
  type CombinedDecoder,
  createCombinedDecoder,
  type GenerationMember,
} from './generation/combined-decoder.ts';
export { type GenerateOptions, type Generation, generate, generateBatch } from './generation/generate.ts';
export {
  type CombinedGenerateOptions,
  type CombinedGeneration,
  generateCombined,
} from './generation/generate-combined.ts';
export { logSoftmaxRow, type SamplingOptions, sampleToken } from './generation/sampling.ts';
export { type HuggingFaceFiles, type LoadedModel, loadModel } from './hf/load-model.ts';
export { type LoadOptions, loadParameters } from './hf/load-parameters.ts';
export { createLlama } from './llama/create-llama.ts';
export { LLAMA_ARCHITECTURES, type LlamaConfig, parseLlamaConfig } from './llama/llama-config.ts';
export { initLlamaParameters, llamaParameterShapes } from './llama/llama-parameters.ts';
export type { RopeConfig } from './llama/rope-config.ts';
export { readLlama2c } from './llama2c/read-checkpoint.ts';
export { llama2cTokenizerJson, readLlama2cTokenizer } from './llama2c/read-tokenizer.ts';
export { loadTokenizer, type SpecialIds } from './tokenizer/load-tokenizer.ts';
