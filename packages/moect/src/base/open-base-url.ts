import type { Json } from '@moect/core';
import { sha256Hex } from '@moect/freeze';
import { type HuggingFaceFiles, type LoadOptions, loadModel } from '@moect/models';
import { readSafetensors, storeOf } from '@moect/safetensors';
import { defaultMoect } from '../parts/moect.ts';
import { browserPlatform } from '../platform/browser.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';
import { bytesOf, fetchFile, fetchText, jsonOf } from './fetch-files.ts';
import { locateBaseUrl } from './locate-base-url.ts';

type JsonFile = Readonly<Record<string, Json | undefined>>;

const HINT = 'Give the address of a folder with config.json, model.safetensors and tokenizer.json.';

/** A file that may be absent; what is no JSON, such as the page that some servers answer everything with, is none. */
async function optionalJson(url: URL): Promise<JsonFile | undefined> {
  const response = await fetch(url);
  if (!response.ok) return undefined;
  return response.json().catch((error: unknown) => {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });
}

/**
 * Starts a backend and loads a base over HTTP: config.json, model.safetensors (one file), tokenizer.json and, if
 * present, tokenizer_config.json and generation_config.json of the folder at `url`, whose last part names the base; or of the
 * hub's model `org/name[@revision]`, where the page's server has no such folder.
 * Throws BackendUnavailableError, CorruptDataError, InvalidConfigError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function openBase(url: string | URL, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(url, options);
  const { storage = 'float32', moect = defaultMoect } = options;
  const backend = await chooseBackend(options.backend, options.threads);
  const { folder, id, revision } = await locateBaseUrl(url);
  const at = (name: string): URL => new URL(name, folder);
  const [tokenizerConfig, generationConfig] = await Promise.all([
    optionalJson(at('tokenizer_config.json')),
    optionalJson(at('generation_config.json')),
  ]);
  const tokenizer = await fetchText(at('tokenizer.json'), HINT);
  const files: HuggingFaceFiles = {
    config: jsonOf(await fetchText(at('config.json'), HINT), at('config.json')),
    tokenizer: jsonOf(tokenizer, at('tokenizer.json')),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
  };
  const bytes = await bytesOf(await fetchFile(at('model.safetensors'), HINT), options.onProgress);
  const store = storeOf(await readSafetensors(bytes, at('model.safetensors').href));
  const origin = {
    id: options.id ?? id,
    revision,
    place: folder.href,
    tokenizerSha256: await sha256Hex(tokenizer),
    memory: null,
    load: (load: LoadOptions) => loadModel(files, store, { ...load, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: browserPlatform });
}
