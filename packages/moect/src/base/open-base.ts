import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { sha256Hex } from '@moect/freeze';
import type { LoadOptions } from '@moect/models';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { defaultMoect } from '../parts/moect.ts';
import { nodePlatform } from '../platform/node.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';
import { digestMemory } from './remember-digest.ts';

/** Files of a folder that its weights follow from. */
async function weightFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const used = names.filter((name) => name === 'config.json' || /\.safetensors(\.index\.json)?$/.test(name));
  return used.sort().map((name) => join(folder, name));
}

/**
 * Starts a backend and loads a base: a Hugging Face folder with config.json, safetensors weights and tokenizer.json. Also
 * finds the digest of its parameters (as float32, so that the same weights stored in another way are the same base): it is
 * computed while they are read, and remembered in the user's cache folder as long as the files stay as they are.
 * Throws BackendUnavailableError, InvalidConfigError, CorruptDataError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function openBase(folder: string, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(folder, options);
  const { storage = 'float32', moect = defaultMoect } = options;
  const backend = await chooseBackend(options.backend, options.threads);
  const place = resolve(folder);
  const tokenizer = join(place, 'tokenizer.json');
  const origin = {
    id: basename(place),
    revision: null,
    place,
    tokenizerSha256: existsSync(tokenizer) ? await sha256Hex(await readFile(tokenizer)) : null,
    memory: existsSync(place) ? digestMemory(await weightFiles(place)) : null,
    load: (load: LoadOptions) => loadHuggingFaceFolder(place, { ...load, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: nodePlatform });
}
