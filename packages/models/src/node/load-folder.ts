import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BaseModel, InvalidConfigError, type Tokenizer } from '@moect/core';
import type { JsonObject } from '../hf/json-fields.ts';
import { type LoadOptions, loadParameters } from '../hf/load-parameters.ts';
import { createLlama } from '../llama/create-llama.ts';
import { readLlama2c } from '../llama2c/read-checkpoint.ts';
import { readLlama2cTokenizer } from '../llama2c/read-tokenizer.ts';
import { loadTokenizer, type SpecialIds } from '../tokenizer/load-tokenizer.ts';
import { openFolderStore } from './folder-store.ts';
import { readJsonFile } from './read-json.ts';

export type { LoadOptions };

export interface LoadedModel {
  readonly model: BaseModel;
  /** null when there is none beside the weights. */
  readonly tokenizer: Tokenizer | null;
}

async function readOptional(folder: string, file: string): Promise<JsonObject> {
  return existsSync(join(folder, file)) ? readJsonFile(join(folder, file)) : {};
}

/** Ids of config.json and generation_config.json; the latter wins, as in transformers. */
function specialIds(config: JsonObject, generation: JsonObject): SpecialIds {
  const bos = generation['bos_token_id'] ?? config['bos_token_id'];
  const eos = generation['eos_token_id'] ?? config['eos_token_id'];
  return {
    ...(typeof bos === 'number' ? { bosTokenId: bos } : {}),
    ...(eos == null ? {} : { eosTokenIds: (Array.isArray(eos) ? eos : [eos]) as number[] }),
  };
}

/**
 * The tokenizer of a Hugging Face folder, or null when it has no tokenizer.json. Special ids come from
 * generation_config.json, config.json and tokenizer_config.json, in this order. Throws CorruptDataError.
 */
export async function loadFolderTokenizer(folder: string): Promise<Tokenizer | null> {
  const path = join(folder, 'tokenizer.json');
  if (!existsSync(path)) return null;
  const [config, generation] = [
    await readOptional(folder, 'config.json'),
    await readOptional(folder, 'generation_config.json'),
  ];
  const names = await readOptional(folder, 'tokenizer_config.json');
  return loadTokenizer(await readJsonFile(path), names, specialIds(config, generation));
}

function checkVocabulary(tokenizer: Tokenizer | null, vocabSize: number, where: string): void {
  if (tokenizer === null || tokenizer.vocabSize <= vocabSize) return;
  const message = `is ${vocabSize}, but the tokenizer has ${tokenizer.vocabSize} tokens`;
  throw new InvalidConfigError(
    where,
    [{ path: 'vocab_size', message }],
    'Tokenizer and weights do not belong together.',
  );
}

/**
 * Loads a folder with config.json, safetensors weights (one file or shards) and, where there is one,
 * tokenizer.json. Weights become float32 unless `frozenStorage` says otherwise.
 * Throws InvalidConfigError, NoMatchingParameterError, ShapeMismatchError, CorruptDataError.
 */
export async function loadHuggingFaceFolder(folder: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const config = await readJsonFile(join(folder, 'config.json'));
  const tokenizer = await loadFolderTokenizer(folder);
  const store = await openFolderStore(folder);
  try {
    const model = createLlama(config, await loadParameters(store, config, options));
    checkVocabulary(tokenizer, model.vocabSize, folder);
    return { model, tokenizer };
  } finally {
    await store.close();
  }
}

/**
 * Loads a llama2.c checkpoint (version 0 or 1) and, when given, its tokenizer.bin.
 * Throws CorruptDataError, InvalidConfigError.
 */
export async function loadLlama2c(
  checkpoint: string,
  tokenizerFile?: string,
  options: LoadOptions = {},
): Promise<LoadedModel> {
  const { config, store } = readLlama2c(await readFile(checkpoint), checkpoint);
  const tokenizer =
    tokenizerFile === undefined ? null : readLlama2cTokenizer(await readFile(tokenizerFile), tokenizerFile);
  const model = createLlama(config, await loadParameters(store, config, options));
  checkVocabulary(tokenizer, model.vocabSize, checkpoint);
  return { model, tokenizer };
}
