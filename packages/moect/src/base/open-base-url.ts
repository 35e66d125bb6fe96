import { CorruptDataError, type Json } from '@moect/core';
import { sha256Hex } from '@moect/freeze';
import { type HuggingFaceFiles, loadModel } from '@moect/models';
import { blobSource, readSafetensors, storeOf } from '@moect/safetensors';
import { defaultMoect } from '../parts/moect.ts';
import { browserPlatform } from '../platform/browser.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import type { BaseSource } from './base-source.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';
import { bytesOf, type FetchProgress, fetchFile, fetchText, jsonOf } from './fetch-files.ts';
import { ggufSource } from './gguf-source.ts';
import { type LocatedUrl, locateBaseUrl } from './locate-base-url.ts';

type JsonFile = Readonly<Record<string, Json | undefined>>;

/** Where a base comes from in a page. */
interface PageSource extends BaseSource {
  readonly id: string;
  /** Commit of the hub; null for what does not come from there. */
  readonly revision: string | null;
  readonly place: string;
}

const HINT =
  'Give the address of a folder with config.json, model.safetensors and tokenizer.json, or of a GGUF file.';

/** A file that may be absent; what is no JSON, such as the page that some servers answer everything with, is none. */
async function optionalJson(url: URL): Promise<JsonFile | undefined> {
  const response = await fetch(url);
  if (!response.ok) return undefined;
  return response.json().catch((error: unknown) => {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });
}

/** The chat template beside the tokenizer. A server that answers every path with its page has none. */
async function chatTemplate(at: (name: string) => URL): Promise<string | undefined> {
  const response = await fetch(at('chat_template.jinja'));
  const text = response.ok ? await response.text() : '';
  if (text !== '' && !/^\s*<(!doctype|html)/i.test(text)) return text;
  const template = (await optionalJson(at('chat_template.json')))?.['chat_template'];
  return typeof template === 'string' ? template : undefined;
}

async function folderSource(
  { folder, id, revision }: LocatedUrl,
  onProgress?: FetchProgress,
): Promise<PageSource> {
  const at = (name: string): URL => new URL(name, folder);
  const [tokenizerConfig, generationConfig, template] = await Promise.all([
    optionalJson(at('tokenizer_config.json')),
    optionalJson(at('generation_config.json')),
    chatTemplate(at),
  ]);
  const tokenizer = await fetchText(at('tokenizer.json'), HINT);
  const files: HuggingFaceFiles = {
    config: jsonOf(await fetchText(at('config.json'), HINT), at('config.json')),
    tokenizer: jsonOf(tokenizer, at('tokenizer.json')),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
    ...(template !== undefined && { chatTemplate: template }),
  };
  const bytes = await bytesOf(await fetchFile(at('model.safetensors'), HINT), onProgress);
  const store = storeOf(await readSafetensors(bytes, at('model.safetensors').href));
  return {
    id,
    revision,
    place: folder.href,
    tokenizerSha256: await sha256Hex(tokenizer),
    load: (options) => loadModel(files, store, options),
  };
}

async function ggufUrlSource(url: URL, onProgress?: FetchProgress): Promise<PageSource> {
  const bytes = (await bytesOf(await fetchFile(url, HINT), onProgress)) as Uint8Array<ArrayBuffer>;
  const source = await ggufSource(blobSource(new Blob([bytes]), url.href));
  return { ...source, id: url.pathname.split('/').at(-1)!, revision: null, place: url.href };
}

/** A file that was chosen or dropped; only the parts that are needed are read. */
async function blobBase(blob: Blob): Promise<PageSource> {
  const name = 'name' in blob && typeof blob.name === 'string' ? blob.name : 'model.gguf';
  const first = new TextDecoder('latin1').decode(await blob.slice(0, 4).arrayBuffer());
  if (first !== 'GGUF') {
    throw new CorruptDataError(name, "does not begin with 'GGUF'", 'A base in one file is a GGUF file.');
  }
  return { ...(await ggufSource(blobSource(blob, name))), id: name, revision: null, place: name };
}

async function sourceOf(place: string | URL | Blob, onProgress?: FetchProgress): Promise<PageSource> {
  if (place instanceof Blob) return blobBase(place);
  const isFile = /\.gguf$/i.test(typeof place === 'string' ? place.replace(/[?#].*$/, '') : place.pathname);
  if (isFile) return ggufUrlSource(new URL(place, globalThis.location?.href), onProgress);
  return folderSource(await locateBaseUrl(place), onProgress);
}

/**
 * Starts a backend and loads a base: from a GGUF file that was chosen or dropped on the page, from the address of one, or
 * over HTTP from a folder with config.json, model.safetensors (one file), tokenizer.json and, if present,
 * tokenizer_config.json and generation_config.json, whose last part names the base; or the hub's model
 * `org/name[@revision]`, where the page's server has no such folder.
 * Throws BackendUnavailableError, CorruptDataError, InvalidConfigError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function openBase(place: string | URL | Blob, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(place, options);
  const { storage = 'file', moect = defaultMoect } = options;
  const backend = await chooseBackend(options.backend, options.threads);
  const source = await sourceOf(place, options.onProgress);
  const origin = {
    ...source,
    id: options.id ?? source.id,
    memory: null,
    load: (more: Parameters<BaseSource['load']>[0]) => source.load({ ...more, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: browserPlatform });
}
