import { access, constants, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { EXTENSION_CONFIG_FILE } from '../extension/extension-config.ts';

/** What a run writes into its folder, and so must not find there from somebody else. */
const OWN_NAMES = ['config.yaml', 'resolved.json', 'held-out', 'events.jsonl', 'extension'];
/** What only a run leaves. */
const SIGNS_OF_A_RUN = ['resolved.json', 'events.jsonl', 'checkpoints', 'run.lock'];

function refuse(folder: string, message: string, hint: string): never {
  throw new InvalidConfigError('The output', [{ path: folder, message }], hint);
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'none';
  }
}

/** Names in a folder that may be written; none if it is not there yet. Throws InvalidConfigError. */
async function writableNames(folder: string): Promise<string[]> {
  let nearest = folder;
  while ((await kindOf(nearest)) === 'none') nearest = dirname(nearest);
  if ((await kindOf(nearest)) === 'file') refuse(folder, `${nearest} is a file`, 'Give a folder.');
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch {
    refuse(folder, `${nearest} may not be written`, 'Give a folder of your own.');
  }
  return nearest === folder ? readdir(folder) : [];
}

/**
 * Refuses what cannot or must not become the folder of a run, before anything is computed or written: a file, a folder
 * that may not be written, that of a model or an extension, and one whose files a run would overwrite.
 * Throws InvalidConfigError.
 */
export async function checkRunFolder(folder: string): Promise<void> {
  const names = await writableNames(folder);
  const another = 'Give another --output (in a program `output`): a new folder, or that of a run.';
  if (names.includes('config.json')) refuse(folder, 'is the folder of a model', another);
  if (names.includes(EXTENSION_CONFIG_FILE)) refuse(folder, 'is the folder of an extension', another);
  if (SIGNS_OF_A_RUN.some((name) => names.includes(name))) return;
  const found = OWN_NAMES.filter((name) => names.includes(name));
  if (found.length === 0) return;
  refuse(folder, `is no run, and the run would overwrite its ${found.join(', ')}`, another);
}

/**
 * Refuses a place where the files of a report cannot or must not be written. Throws InvalidConfigError.
 * @param isOwn whether a file that is there may be replaced
 */
export async function checkReportFolder(
  folder: string,
  files: readonly string[],
  isOwn: (file: string) => Promise<boolean>,
): Promise<void> {
  const names = await writableNames(folder);
  for (const file of files) {
    if (!names.includes(file) || (await isOwn(file))) continue;
    refuse(folder, `has a ${file} that moect did not write`, 'Give another folder with --output.');
  }
}
