import type { BaseModel, JsonObject, Tokenizer } from '@moect/core';
import { createModel } from '../families/create-model.ts';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { type LoadOptions, loadParameters } from './load-parameters.ts';
import { fitVocabulary } from './vocabulary.ts';
import type { WeightStore } from './weight-store.ts';

/** The files of a Hugging Face folder, read and parsed. */
export interface HuggingFaceFiles {
  /** config.json */
  readonly config: JsonObject;
  /** tokenizer.json */
  readonly tokenizer?: JsonObject;
  /** tokenizer_config.json */
  readonly tokenizerConfig?: JsonObject;
  /** generation_config.json */
  readonly generationConfig?: JsonObject;
  /** chat_template.jinja, or the template of chat_template.json */
  readonly chatTemplate?: string;
}

export interface LoadedModel {
  readonly model: BaseModel;
  /** null when there is none beside the weights. */
  readonly tokenizer: Tokenizer | null;
  /** Facts about the files that the user should know. Default: none. */
  readonly notes?: readonly string[];
}

/** The tokenizer among the files, or null when there is none. Throws CorruptDataError, InvalidConfigError. */
export function tokenizerOf(files: HuggingFaceFiles): Tokenizer | null {
  const { config, tokenizer, tokenizerConfig = {}, generationConfig = {}, chatTemplate } = files;
  if (tokenizer === undefined) return null;
  return loadTokenizer(tokenizer, tokenizerConfig, {
    config,
    generationConfig,
    ...(chatTemplate !== undefined && { chatTemplate }),
  });
}

/**
 * Makes a model of any family from files that were already read, from any source. Weights become float32 unless `frozenStorage`
 * says otherwise. Throws InvalidConfigError, NoMatchingParameterError, ShapeMismatchError, CorruptDataError.
 */
export async function loadModel(
  files: HuggingFaceFiles,
  weights: WeightStore,
  options: LoadOptions = {},
): Promise<LoadedModel> {
  const tokenizer = tokenizerOf(files);
  const { config } = files;
  const model = createModel(config, await loadParameters(weights, config, options), options);
  return { model, ...fitVocabulary(tokenizer, model.vocabSize, weights.name, files.tokenizer) };
}
