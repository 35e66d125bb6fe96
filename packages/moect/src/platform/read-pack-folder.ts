import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CorruptDataError } from '@moect/core';
import { openSafetensors, readJsonFile } from '@moect/safetensors/node';
import { EXTENSION_CONFIG_FILE, EXTENSION_WEIGHTS_FILE } from '../extension/extension-config.ts';
import { extensionName } from '../extension/extension-name.ts';
import type { PackSource } from './platform.ts';
import { readPackUrl } from './read-pack-url.ts';

/** See `Platform.readPack`: a folder, or its address. */
export async function readPackFolder(place: string | URL): Promise<PackSource> {
  if (/^https?:/i.test(String(place))) return readPackUrl(place);
  const folder = resolve(place instanceof URL ? fileURLToPath(place) : place);
  const path = join(folder, EXTENSION_CONFIG_FILE);
  if (!existsSync(path)) {
    throw new CorruptDataError(
      String(place),
      `has no ${EXTENSION_CONFIG_FILE}`,
      'Give the folder of an extension; `moect train` writes it to OUTPUT/extension.',
    );
  }
  return {
    name: extensionName(folder),
    place: path,
    config: await readJsonFile(path),
    openWeights: () => openSafetensors(join(folder, EXTENSION_WEIGHTS_FILE)),
  };
}
