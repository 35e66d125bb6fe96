import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { sha256Hex } from '@moect/freeze';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { pathSource } from '@moect/safetensors/node';
import type { BaseSource } from './base-source.ts';
import { ggufSource } from './gguf-source.ts';

/** A base's files on this machine. */
export interface LocalSource extends BaseSource {
  /** Absolute paths of the files that the weights follow from. */
  readonly weightFiles: readonly string[];
}

const isWeightFile = (name: string): boolean =>
  name === 'config.json' || /\.safetensors(\.index\.json)?$/.test(name);

/** Whether a file is a GGUF file, by its name. */
export const isGgufName = (name: string): boolean => /\.gguf$/i.test(name);

async function folderSource(folder: string): Promise<LocalSource> {
  const tokenizer = join(folder, 'tokenizer.json');
  return {
    tokenizerSha256: existsSync(tokenizer) ? await sha256Hex(await readFile(tokenizer)) : null,
    weightFiles: (await readdir(folder))
      .filter(isWeightFile)
      .sort()
      .map((name) => join(folder, name)),
    load: (options) => loadHuggingFaceFolder(folder, options),
  };
}

/** The only GGUF file of a folder without config.json; null where there is none or a choice. */
async function onlyGguf(folder: string): Promise<string | null> {
  const names = await readdir(folder);
  if (names.includes('config.json')) return null;
  const files = names.filter(isGgufName);
  if (files.length <= 1) return files[0] ?? null;
  const message = `${folder} has ${files.length} GGUF files and no config.json`;
  throw new InvalidConfigError(
    'The base',
    [{ path: 'base', message }],
    `Name one of them: ${files.slice(0, 5).join(', ')}.`,
  );
}

/**
 * A base at a path: a GGUF file, or a Hugging Face folder. Throws InvalidConfigError for other files, CorruptDataError.
 * @param path absolute
 */
export async function localSource(path: string): Promise<LocalSource> {
  if ((await stat(path)).isDirectory()) {
    const file = await onlyGguf(path);
    return file === null ? folderSource(path) : localSource(join(path, file));
  }
  if (!isGgufName(path)) {
    const message = `${basename(path)} is a file, and no GGUF file`;
    throw new InvalidConfigError(
      'The base',
      [{ path: 'base', message }],
      'Give a GGUF file, or the folder of the model.',
    );
  }
  return { ...(await ggufSource(await pathSource(path))), weightFiles: [path] };
}
