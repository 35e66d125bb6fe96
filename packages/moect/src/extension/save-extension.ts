import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Extension } from '@moect/core';
import { writeFileAtomic } from '@moect/safetensors/node';
import type { ExtensionInfo } from './extension-config.ts';
import { extensionFiles, type SaveExtensionOptions } from './extension-files.ts';
import { extensionName } from './extension-name.ts';

export type { SaveExtensionOptions };

/** Puts a finished folder in its place; what was there is gone afterwards, and never half of either is. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = join(dirname(to), `.${basename(to)}-old-${randomUUID()}`);
  const isOccupied = existsSync(to);
  if (isOccupied) await rename(to, aside);
  await rename(from, to);
  if (isOccupied) await rm(aside, { recursive: true, force: true });
}

/**
 * Writes an extension as a folder: `moect_config.json`, `moect_model.safetensors` (one tensor an expert) and a model
 * card. Equal extensions give equal bytes. A folder of that name is replaced as a whole.
 * Throws CorruptDataError for weights that are not finite or too large for `bf16`; nothing is replaced then.
 */
export async function saveExtension(
  folder: string,
  extension: Extension,
  info: ExtensionInfo,
  options: SaveExtensionOptions = {},
): Promise<void> {
  const target = resolve(folder);
  const files = await extensionFiles(extensionName(target), extension, info, options);
  const temporary = join(dirname(target), `.${basename(target)}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    for (const [name, content] of files) await writeFileAtomic(join(temporary, name), content);
    await replaceFolder(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}
