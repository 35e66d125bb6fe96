import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@moect/freeze';
import type { LoadOptions } from '@moect/models';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { defaultMoect } from '../parts/moect.ts';
import { nodePlatform } from '../platform/node.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';
import { locateBase } from './locate-base.ts';
import { digestMemory } from './remember-digest.ts';

/** Files of a folder that its weights follow from. */
async function weightFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const used = names.filter((name) => name === 'config.json' || /\.safetensors(\.index\.json)?$/.test(name));
  return used.sort().map((name) => join(folder, name));
}

/**
 * Starts a backend and loads a base: a Hugging Face folder with config.json, safetensors weights and tokenizer.json, or the
 * model of the hub with the name `org/name` (`org/name@revision`), which is kept in the cache that Python's huggingface_hub
 * uses too. A folder of that name wins. Also finds the digest of its parameters (as float32, so that the same weights stored
 * in another way are the same base): it is computed while they are read, and remembered in the user's cache folder as long
 * as the files stay as they are.
 * Throws BackendUnavailableError, InvalidConfigError, HubError, CorruptDataError, ShapeMismatchError,
 * NoMatchingParameterError, and the signal's reason.
 */
export async function openBase(base: string, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(base, options);
  const { storage = 'float32', moect = defaultMoect, signal, onProgress } = options;
  const located = await locateBase(base, { signal, onProgress });
  const { path, place, notes, revision } = located;
  const backend = await chooseBackend(options.backend, options.threads);
  const tokenizer = join(path, 'tokenizer.json');
  const origin = {
    id: options.id ?? located.id,
    revision,
    place,
    notes,
    tokenizerSha256: existsSync(tokenizer) ? await sha256Hex(await readFile(tokenizer)) : null,
    memory: digestMemory(await weightFiles(path)),
    load: (load: LoadOptions) => loadHuggingFaceFolder(path, { ...load, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: nodePlatform });
}
