import { basename, resolve } from 'node:path';
import { loadHuggingFaceFolder } from '@moect/models/node';
import type { FrozenStorage } from '@moect/tensor';
import { describeBase, type LoadedBase } from './describe-base.ts';

export type { LoadedBase };

export interface FolderBase extends LoadedBase {
  /** Absolute path. */
  readonly folder: string;
}

/**
 * Loads a base with its tokenizer and computes the SHA-256 of its parameters (as float32, so that the same weights
 * stored in another way are the same base). The SHA-256 is of the file's values also where `storage` rounds them, so an
 * extension fits its base in any storage.
 * Throws InvalidConfigError, CorruptDataError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function loadBase(folder: string, storage: FrozenStorage = 'float32'): Promise<FolderBase> {
  const path = resolve(folder);
  const load = loadHuggingFaceFolder.bind(null, path);
  return { ...(await describeBase(basename(path), path, storage, load)), folder: path };
}
