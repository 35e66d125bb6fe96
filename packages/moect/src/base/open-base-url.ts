import type { Json } from '@moect/core';
import { sha256Hex } from '@moect/data';
import { type HuggingFaceFiles, type LoadOptions, loadModel } from '@moect/models';
import { readSafetensors, storeOf } from '@moect/safetensors';
import { defaultMoect } from '../parts/moect.ts';
import { browserPlatform } from '../platform/browser.ts';
import { type Base, describeBase, type OpenBaseOptions } from './base.ts';
import { checkOpenBase } from './check-open-base.ts';
import { chooseBackend } from './choose-backend.ts';
import { bytesOf, fetchFile, folderUrl } from './fetch-files.ts';

type JsonFile = Readonly<Record<string, Json | undefined>>;

const HINT = 'Give the address of a folder with config.json, model.safetensors and tokenizer.json.';

async function optionalJson(url: URL): Promise<JsonFile | undefined> {
  const response = await fetch(url);
  return response.ok ? response.json() : undefined;
}

/** The chat template beside the tokenizer. A server that answers every path with its page has none. */
async function chatTemplate(at: (name: string) => URL): Promise<string | undefined> {
  const response = await fetch(at('chat_template.jinja'));
  const text = response.ok ? await response.text() : '';
  if (text !== '' && !/^\s*<(!doctype|html)/i.test(text)) return text;
  const template = (await optionalJson(at('chat_template.json')))?.['chat_template'];
  return typeof template === 'string' ? template : undefined;
}

/**
 * Starts a backend and loads a base over HTTP: config.json, model.safetensors (one file), tokenizer.json and, if
 * present, tokenizer_config.json, generation_config.json and chat_template.jinja of the folder at `url`; its last part names the base.
 * Throws BackendUnavailableError, CorruptDataError, InvalidConfigError, ShapeMismatchError, NoMatchingParameterError.
 */
export async function openBase(url: string | URL, options: OpenBaseOptions = {}): Promise<Base> {
  checkOpenBase(url, options);
  const { storage = 'float32', moect = defaultMoect } = options;
  const backend = await chooseBackend(options.backend, options.threads);
  const folder = folderUrl(url);
  const at = (name: string): URL => new URL(name, folder);
  const [tokenizerConfig, generationConfig, template] = await Promise.all([
    optionalJson(at('tokenizer_config.json')),
    optionalJson(at('generation_config.json')),
    chatTemplate(at),
  ]);
  const tokenizer = await (await fetchFile(at('tokenizer.json'), HINT)).text();
  const files: HuggingFaceFiles = {
    config: await (await fetchFile(at('config.json'), HINT)).json(),
    tokenizer: JSON.parse(tokenizer),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
    ...(template !== undefined && { chatTemplate: template }),
  };
  const bytes = await bytesOf(await fetchFile(at('model.safetensors'), HINT), options.onProgress);
  const store = storeOf(await readSafetensors(bytes, at('model.safetensors').href));
  const origin = {
    id: folder.pathname.split('/').at(-2)!,
    place: folder.href,
    tokenizerSha256: sha256Hex(tokenizer),
    load: (load: LoadOptions) => loadModel(files, store, { ...load, families: moect.families }),
  };
  return describeBase(origin, { storage, backend, moect, platform: browserPlatform });
}
