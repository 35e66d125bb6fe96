import type { LoadOptions } from '@moect/models';
import { defaultMoect } from '../parts/moect.ts';
import { nodePlatform } from '../platform/node.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';
import { localSource } from './local-source.ts';
import { locateBase } from './locate-base.ts';
import { digestMemory } from './remember-digest.ts';

/**
 * Starts a backend and loads a base: a Hugging Face folder with config.json, safetensors weights and tokenizer.json, a GGUF
 * file, or the model of the hub with the name `org/name` (`org/name@revision`), which is kept in the cache that Python's huggingface_hub
 * uses too. A folder of that name wins. Also finds the digest of its parameters (as float32, so that the same weights stored
 * in another way are the same base): it is computed while they are read, and remembered in the user's cache folder as long
 * as the files stay as they are.
 * Throws BackendUnavailableError, InvalidConfigError, HubError, CorruptDataError, ShapeMismatchError,
 * NoMatchingParameterError, and the signal's reason.
 */
export async function openBase(base: string, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(base, options);
  const { storage = 'file', moect = defaultMoect, signal, onProgress } = options;
  const located = await locateBase(base, { signal, onProgress });
  const { path, place, notes, revision } = located;
  const backend = await chooseBackend(options.backend, options.threads);
  const { tokenizerSha256, weightFiles, load } = await localSource(path);
  const origin = {
    id: options.id ?? located.id,
    revision,
    place,
    notes,
    tokenizerSha256,
    memory: digestMemory(weightFiles),
    load: (more: LoadOptions) => load({ ...more, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: nodePlatform });
}
