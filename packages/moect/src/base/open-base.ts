import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { sha256Hex } from '@moect/data';
import type { LoadOptions } from '@moect/models';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { defaultMoect } from '../parts/moect.ts';
import { nodePlatform } from '../platform/node.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';

/**
 * Starts a backend and loads a base: a Hugging Face folder with config.json, safetensors weights and tokenizer.json. Also
 * computes the SHA-256 of its parameters (as float32, so that the same weights stored in another way are the same base).
 * The SHA-256 is of the file's values also where `storage` rounds them, so a pack fits its base in any storage.
 * Throws BackendUnavailableError, InvalidConfigError, CorruptDataError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function openBase(folder: string, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(folder, options);
  const { storage = 'file', moect = defaultMoect } = options;
  const backend = await chooseBackend(options.backend, options.threads);
  const place = resolve(folder);
  const tokenizer = join(place, 'tokenizer.json');
  const origin = {
    id: basename(place),
    place,
    tokenizerSha256: existsSync(tokenizer) ? sha256Hex(await readFile(tokenizer, 'utf8')) : null,
    load: (load: LoadOptions) => loadHuggingFaceFolder(place, { ...load, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: nodePlatform });
}
