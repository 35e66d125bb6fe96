import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits between tries, milliseconds: about ten seconds in all. */
const WAITS = [10, 20, 50, 100, 200, 400, 800, 1500, 3000, 4000];

/** Virus scanners and indexers hold a new file open for a moment; Windows and network drives then refuse to rename it. */
function isPassing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  // elsewhere EACCES means that the folder may not be written, which no waiting changes
  return code === 'EPERM' || code === 'EBUSY' || (code === 'EACCES' && process.platform === 'win32');
}

/**
 * Renames a file or folder, and tries again for about ten seconds while another program holds it (EPERM, EBUSY).
 * Throws the file system's last error.
 */
export async function renamePatiently(from: string, to: string): Promise<void> {
  for (const wait of WAITS) {
    try {
      return await rename(from, to);
    } catch (error) {
      if (!isPassing(error)) throw error;
      await sleep(wait);
    }
  }
  await rename(from, to);
}

/** Removes a folder and what is in it, and tries again for about two seconds while another program holds a part of it. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 6, retryDelay: 100 });
}

export interface ReplaceFolderOptions {
  /** Name of the folder that is replaced while it is moved aside. Default: a hidden name beside it. */
  readonly aside?: string;
  /** Called before each of the two renames. */
  readonly boundary?: (name: string) => void;
}

/**
 * Moves a finished folder to its place, and what was there away. When the new one cannot take the place, the old one
 * goes back to it: afterwards `to` is one of the two, and `from` still there if it is the old one.
 * Throws the file system's error.
 */
export async function replaceFolder(
  from: string,
  to: string,
  options: ReplaceFolderOptions = {},
): Promise<void> {
  const { boundary = () => undefined } = options;
  const aside = options.aside ?? join(dirname(to), `.${basename(to)}-old-${randomUUID()}`);
  const isOccupied = existsSync(to);
  boundary('before moving the old folder away');
  if (isOccupied) await renamePatiently(to, aside);
  try {
    boundary('before renaming');
    await renamePatiently(from, to);
  } catch (error) {
    if (isOccupied) await renamePatiently(aside, to);
    throw error;
  }
  // the new folder is in place: what is left of the old one is only disk
  if (isOccupied) await removeFolder(aside).catch(() => undefined);
}
