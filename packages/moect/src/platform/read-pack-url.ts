import { readSafetensors } from '@moect/safetensors';
import { bytesOf, fetchFile, fetchText, folderUrl, jsonOf } from '../base/fetch-files.ts';
import { EXTENSION_CONFIG_FILE, EXTENSION_WEIGHTS_FILE } from '../extension/extension-config.ts';
import { extensionName } from '../extension/extension-name.ts';
import type { PackSource } from './platform.ts';

const PACK_HINT = `Give the address of a pack's folder, with ${EXTENSION_CONFIG_FILE} and ${EXTENSION_WEIGHTS_FILE}.`;

/** See `Platform.readPack`, over HTTP. */
export async function readPackUrl(place: string | URL): Promise<PackSource> {
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
