import { InvalidConfigError } from '@moect/core';
import { readSafetensors } from '@moect/safetensors';
import { bytesOf, fetchFile, fetchText, folderUrl, jsonOf } from '../base/fetch-files.ts';
import { EXTENSION_CONFIG_FILE, EXTENSION_WEIGHTS_FILE } from '../extension/extension-config.ts';
import { extensionName } from '../extension/extension-name.ts';
import type { PackSource, Platform } from './platform.ts';

function refuse(path: string, hint: string): never {
  throw new InvalidConfigError('In a browser', [{ path, message: 'there are no folders' }], hint);
}

const PACK_HINT = `Give the address of a pack's folder, with ${EXTENSION_CONFIG_FILE} and ${EXTENSION_WEIGHTS_FILE}.`;

/** Opens a pack over HTTP. */
async function readPack(place: string | URL): Promise<PackSource> {
  const folder = folderUrl(place);
  const at = (name: string): URL => new URL(name, folder);
  const config = jsonOf(await fetchText(at(EXTENSION_CONFIG_FILE), PACK_HINT), at(EXTENSION_CONFIG_FILE));
  return {
    name: extensionName(folder.pathname),
    place: at(EXTENSION_CONFIG_FILE).href,
    config,
    async openWeights() {
      const weights = at(EXTENSION_WEIGHTS_FILE);
      const file = await readSafetensors(await bytesOf(await fetchFile(weights, PACK_HINT)), weights.href);
      return { ...file, close: async () => undefined };
    },
  };
}

/** Platform of a page or its worker: text and packs come as File objects, strings and addresses. */
export const browserPlatform: Platform = {
  readFiles: async () => refuse('files', 'Give File objects, or the texts themselves.'),
  isFile: async () => false,
  availableMemory: () => null,
  freeDisk: async () => null,
  peakMemory: () => 0,
  absolute: (folder) => folder,
  readRecord: async () => null,
  removeFolder: async () => undefined,
  openRun: async () => refuse('output', 'Leave it out, and keep the bytes of `pack.files()`.'),
  openHiddenStates: async () => refuse('cache', 'Leave it out.'),
  readPack,
  writeFolder: async () => refuse('folder', 'Keep the bytes of `pack.files()`.'),
};
