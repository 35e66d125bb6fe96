import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@moect/freeze';
import { writeFileAtomic } from '@moect/safetensors/node';
import { userCacheFolder } from '@moect/tensor';
import type { DigestMemory } from './identify.ts';

/** Changes whenever the rule of the digest does. */
const SCHEMA = 'moect-digest/2';

/** A file that was written just now may be written again without another time. */
const SETTLED_MS = 2_000;

interface FileState {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

async function stateOf(path: string): Promise<FileState> {
  const { size, mtimeMs, ino } = await stat(path);
  return { path, size, mtimeMs, inode: ino };
}

/**
 * Remembers the digest of a base in the user's cache folder, by path, size, time of change and inode of all files that it
 * was computed from. What cannot be kept is computed again.
 * @param files absolute paths
 */
export function digestMemory(files: readonly string[]): DigestMemory | null {
  const folder = userCacheFolder();
  if (folder === undefined) return null;
  const states = async (): Promise<FileState[]> => Promise.all(files.map(stateOf));
  const place = async (): Promise<string> =>
    join(folder, 'base-digests', `${(await sha256Hex(files.join('\n'))).slice(0, 32)}.json`);
  return {
    async recall() {
      try {
        const saved = JSON.parse(await readFile(await place(), 'utf8'));
        const isSame =
          JSON.stringify([saved.schema, saved.files]) === JSON.stringify([SCHEMA, await states()]);
        return isSame && /^[0-9a-f]{64}$/.test(saved.sha256) ? saved.sha256 : null;
      } catch {
        return null;
      }
    },
    async remember(sha256) {
      try {
        const now = await states();
        if (now.some(({ mtimeMs }) => Date.now() - mtimeMs < SETTLED_MS)) return;
        await mkdir(join(folder, 'base-digests'), { recursive: true });
        await writeFileAtomic(await place(), `${JSON.stringify({ schema: SCHEMA, files: now, sha256 })}\n`);
      } catch {
        // the folder is not writable: the next process hashes again
      }
    },
    async forget() {
      await rm(await place(), { force: true });
    },
  };
}
