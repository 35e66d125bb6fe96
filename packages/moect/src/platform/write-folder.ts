import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { removeFolder, replaceFolder, writeFileAtomic } from '@moect/safetensors/node';
import { EXTENSION_CONFIG_FILE, EXTENSION_WEIGHTS_FILE } from '../extension/extension-config.ts';

/** Moves a finished folder to its place. Where that fails, both the old and the new one are still there. */
async function putInPlace(temporary: string, target: string): Promise<void> {
  try {
    await replaceFolder(temporary, target);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const text =
      `${target} cannot be replaced: ${message}. The new pack is whole in ${temporary}, and what was there is where it was. ` +
      'Close the program that holds the folder, then rename the new one yourself, or save again.';
    throw Object.assign(new Error(text, { cause }), { code });
  }
}

/** Only a pack may be replaced: another folder's files are somebody's. Throws InvalidConfigError. */
async function refuseOthers(target: string): Promise<void> {
  if (!existsSync(target)) return;
  const refuse = (message: string): never => {
    const hint = 'Give a new folder, an empty one, or that of a pack to be replaced.';
    throw new InvalidConfigError('Saving a pack', [{ path: target, message }], hint);
  };
  if (!(await stat(target)).isDirectory()) refuse('is a file');
  const names = await readdir(target);
  const isPack = names.includes(EXTENSION_CONFIG_FILE) || names.includes(EXTENSION_WEIGHTS_FILE);
  if (names.length > 0 && !isPack) {
    refuse(`holds ${names.length} other file(s), such as ${names[0]}`);
  }
}

/** See `Platform.writeFolder`. If a file's pieces throw, nothing is replaced. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Iterable<Uint8Array>>,
): Promise<string> {
  const target = resolve(folder);
  await refuseOthers(target);
  const temporary = join(dirname(target), `.${basename(target)}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    for (const [name, content] of files) await writeFileAtomic(join(temporary, name), content);
  } catch (error) {
    await removeFolder(temporary);
    throw error;
  }
  await putInPlace(temporary, target);
  return target;
}
