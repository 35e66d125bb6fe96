import type { JsonObject } from '@moect/core';
import { type BaseModel, InvalidConfigError, type Tokenizer } from '@moect/core';
import type { TensorStore } from '@moect/safetensors';
import { createModel } from '../families/create-model.ts';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { type LoadOptions, loadParameters } from './load-parameters.ts';

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

/** Throws InvalidConfigError where the tokenizer has tokens that the model does not know. */
export function checkVocabulary(tokenizer: Tokenizer | null, vocabSize: number, where: string): void {
  if (tokenizer === null || tokenizer.vocabSize <= vocabSize) return;
  const message = `is ${vocabSize}, but the tokenizer has ${tokenizer.vocabSize} tokens`;
  throw new InvalidConfigError(
    where,
    [{ path: 'vocab_size', message }],
    'Tokenizer and weights do not belong together.',
  );
}

/**
 * Makes a model of any family from files that were already read, from any source. Weights become float32 unless `frozenStorage`
 * says otherwise. Throws InvalidConfigError, NoMatchingParameterError, ShapeMismatchError, CorruptDataError.
 */
export async function loadModel(
  files: HuggingFaceFiles,
  weights: TensorStore,
  options: LoadOptions = {},
): Promise<LoadedModel> {
  const tokenizer = tokenizerOf(files);
  const { config } = files;
  const model = createModel(config, await loadParameters(weights, config, options), options);
  checkVocabulary(tokenizer, model.vocabSize, weights.name);
  return { model, tokenizer };
}
