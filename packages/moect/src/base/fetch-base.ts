import { CorruptDataError, type Json } from '@moect/core';
import { type HuggingFaceFiles, loadModel } from '@moect/models';
import { readSafetensors, storeOf } from '@moect/safetensors';
import type { FrozenStorage } from '@moect/tensor';
import { describeBase, type LoadedBase } from './describe-base.ts';

export interface FetchBaseOptions {
  /** How matrices are kept in memory. Default `float32`. */
  readonly storage?: FrozenStorage;
  /** Told as the weights come in. `totalBytes` is null where the server does not say. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number | null) => void;
}

type JsonFile = Readonly<Record<string, Json | undefined>>;

async function get(url: URL): Promise<Response> {
  const response = await fetch(url);
  if (response.ok) return response;
  throw new CorruptDataError(
    url.href,
    `the server answers ${response.status} ${response.statusText}`,
    'Give the address of a folder with config.json, model.safetensors and tokenizer.json.',
  );
}

async function optionalJson(url: URL): Promise<JsonFile | undefined> {
  const response = await fetch(url);
  return response.ok ? response.json() : undefined;
}

async function bytesOf(
  response: Response,
  onProgress: NonNullable<FetchBaseOptions['onProgress']>,
): Promise<Uint8Array> {
  const length = response.headers.get('Content-Length');
  // a compressed answer is longer than it says
  const total = length === null || response.headers.has('Content-Encoding') ? null : Number(length);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    loaded += value.length;
    onProgress(loaded, total);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/**
 * `loadBase` over HTTP, for browsers: fetches config.json, model.safetensors (one file), tokenizer.json and, where they
 * are, tokenizer_config.json and generation_config.json of the folder at `url`, which names the base by its last part.
 * Throws CorruptDataError, InvalidConfigError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function fetchBase(url: string | URL, options: FetchBaseOptions = {}): Promise<LoadedBase> {
  const { storage = 'float32', onProgress = () => undefined } = options;
  const folder = new URL(`${String(url).replace(/\/$/, '')}/`, globalThis.location?.href);
  const at = (name: string): URL => new URL(name, folder);
  const [tokenizerConfig, generationConfig] = await Promise.all([
    optionalJson(at('tokenizer_config.json')),
    optionalJson(at('generation_config.json')),
  ]);
  const files: HuggingFaceFiles = {
    config: await (await get(at('config.json'))).json(),
    tokenizer: await (await get(at('tokenizer.json'))).json(),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
  };
  const bytes = await bytesOf(await get(at('model.safetensors')), onProgress);
  const store = storeOf(await readSafetensors(bytes, at('model.safetensors').href));
  const id = folder.pathname.split('/').at(-2)!;
  return describeBase(id, folder.href, storage, (load) => loadModel(files, store, load));
}
