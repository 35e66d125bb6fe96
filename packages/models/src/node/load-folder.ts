import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject, Tokenizer } from '@moect/core';
import { readJsonFile } from '@moect/safetensors/node';
import { createModel } from '../families/create-model.ts';
import { type HuggingFaceFiles, type LoadedModel, loadModel, tokenizerOf } from '../hf/load-model.ts';
import { type LoadOptions, loadParameters } from '../hf/load-parameters.ts';
import { fitVocabulary } from '../hf/vocabulary.ts';
import { readLlama2c } from '../llama2c/read-checkpoint.ts';
import { readLlama2cTokenizer } from '../llama2c/read-tokenizer.ts';
import { openFolderStore } from './folder-store.ts';

export type { LoadedModel, LoadOptions };

async function readOptional(folder: string, file: string): Promise<JsonObject | undefined> {
  return existsSync(join(folder, file)) ? readJsonFile(join(folder, file)) : undefined;
}

/** The chat template beside the tokenizer; one in tokenizer_config.json is read with that file. */
async function readChatTemplate(folder: string): Promise<string | undefined> {
  const file = join(folder, 'chat_template.jinja');
  if (existsSync(file)) return readFile(file, 'utf8');
  const template = (await readOptional(folder, 'chat_template.json'))?.['chat_template'];
  return typeof template === 'string' ? template : undefined;
}

async function readFiles(folder: string, config: JsonObject): Promise<HuggingFaceFiles> {
  const tokenizer = await readOptional(folder, 'tokenizer.json');
  const tokenizerConfig = await readOptional(folder, 'tokenizer_config.json');
  const generationConfig = await readOptional(folder, 'generation_config.json');
  const chatTemplate = await readChatTemplate(folder);
  return {
    config,
    ...(tokenizer && { tokenizer }),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
    ...(chatTemplate !== undefined && { chatTemplate }),
  };
}

/**
 * The tokenizer of a Hugging Face folder, or null when it has no tokenizer.json. Special ids come from
 * tokenizer_config.json, and from config.json and generation_config.json where that names none.
 * Throws CorruptDataError, and InvalidConfigError where the files contradict each other.
 */
export async function loadFolderTokenizer(folder: string): Promise<Tokenizer | null> {
  return tokenizerOf(await readFiles(folder, (await readOptional(folder, 'config.json')) ?? {}));
}

/**
 * Loads a folder with config.json, safetensors weights (one file or shards) and, where there is one,
 * tokenizer.json. Weights become float32 unless `frozenStorage` says otherwise.
 * Throws InvalidConfigError, NoMatchingParameterError, ShapeMismatchError, CorruptDataError.
 */
export async function loadHuggingFaceFolder(folder: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const files = await readFiles(folder, await readJsonFile(join(folder, 'config.json')));
  const store = await openFolderStore(folder);
  try {
    return await loadModel(files, store, options);
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
  const model = createModel(config, await loadParameters(store, config, options), options);
  return { model, ...fitVocabulary(tokenizer, model.vocabSize, checkpoint) };
}
