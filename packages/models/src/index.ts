export type {
  DecoderConfig,
  EmbeddingSpec,
  FfnSpec,
  LayerPass,
  LayerSpec,
  LinearSpec,
  ModelFamily,
  NormSpec,
} from './decoder/model-family.ts';
export { parseRotary, type RopeConfig, type RotaryConfig } from './decoder/rotary/rope-config.ts';
export { decoderFields, parseActivation } from './families/config-checks.ts';
export { createModel, initParameters, parameterShapes } from './families/create-model.ts';
export { layerNormSpec, linearSpec, rmsNormSpec } from './families/modules.ts';
export { type FamilyOptions, familyOf, MODEL_FAMILIES } from './families/registry.ts';
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
export { type GgufModel, readGgufModel } from './gguf/load-gguf.ts';
export { type FieldReader, fieldReader } from './hf/json-fields.ts';
export { type HuggingFaceFiles, type LoadedModel, loadModel } from './hf/load-model.ts';
export { type BaseStorage, type LoadOptions, loadParameters } from './hf/load-parameters.ts';
export type { WeightStore } from './hf/weight-store.ts';
export { readLlama2c } from './llama2c/read-checkpoint.ts';
export { llama2cTokenizerJson, readLlama2cTokenizer } from './llama2c/read-tokenizer.ts';
export { loadTokenizer, type TokenizerFiles } from './tokenizer/load-tokenizer.ts';
export type { SpecialTokenFiles } from './tokenizer/special-ids.ts';
