import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HubClient, RangeIgnoredError, type RemoteFile } from './hub-client.ts';
import { HubError } from './hub-error.ts';

/** Connections in a row that bring nothing. */
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;

/** A file to fetch, and where it goes. */
export interface BlobJob {
  readonly client: Pick<HubClient, 'read'>;
  readonly repo: string;
  readonly commit: string;
  readonly file: RemoteFile;
  /** Path of the content in the cache. */
  readonly blob: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of this file that are there. */
  readonly onBytes: (loaded: number) => void;
}

function startHash({ checksum, size }: RemoteFile): Hash {
  if (checksum === 'sha256') return createHash('sha256');
  // git hashes a header and the content
  return createHash('sha1').update(`blob ${size}\0`);
}

/** Hashes what an earlier process left, and gives its length. */
async function hashPart(handle: FileHandle, hash: Hash): Promise<number> {
  let length = 0;
  for await (const piece of handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer);
    length += (piece as Buffer).length;
  }
  return length;
}

function diskFull(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  const hint =
    'Free some room or set HF_HUB_CACHE to another disk, then run the same again; what is there is kept.';
  return new HubError(`The disk of ${folder} is full.`, hint, true, error);
}

/** Adds the missing bytes; several connections if they break off. Gives the checksum. */
async function fill(handle: FileHandle, job: BlobJob): Promise<{ sum: string; kept: number }> {
  const { client, repo, commit, file, signal, onBytes } = job;
  let hash = startHash(file);
  if ((await handle.stat()).size > file.size) await handle.truncate(0);
  let at = await hashPart(handle, hash);
  const kept = at;
  onBytes(at);
  for (let failures = 0; at < file.size; ) {
    const before = at;
    try {
      for await (const piece of client.read(repo, commit, file, at)) {
        const wanted = piece.subarray(0, file.size - at);
        // at its place, so that two processes that fetch the same file write the same bytes
        await handle.write(wanted, 0, wanted.length, at);
        hash.update(wanted);
        at += wanted.length;
        onBytes(at);
      }
      if (at < file.size)
        throw new HubError(`${repo}: ${file.path} breaks off.`, 'Run the same again.', true);
    } catch (error) {
      if (error instanceof RangeIgnoredError) {
        [hash, at] = [startHash(file), 0];
        continue;
      }
      failures = at > before ? 1 : failures + 1;
      if (!(error instanceof HubError) || !error.isRetryable || failures >= ATTEMPTS) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** (failures - 1), undefined, signal && { signal }).catch(
        () => undefined,
      );
      signal?.throwIfAborted();
    }
  }
  return { sum: hash.digest('hex'), kept };
}

/** Moves a finished file to its place; another process may have been faster. */
async function finish(part: string, blob: string): Promise<void> {
  try {
    await rename(part, blob);
  } catch (error) {
    if (!existsSync(blob)) throw error;
  }
}

/**
 * Fetches the content of a file into the cache. Bytes that an earlier process left in `BLOB.incomplete` are used; every
 * content is checked before it gets its name, and a wrong one is removed.
 * Throws HubError, and the signal's reason with the bytes kept.
 */
export async function downloadBlob(job: BlobJob): Promise<void> {
  const { blob, file, repo } = job;
  const part = `${blob}.incomplete`;
  await mkdir(dirname(blob), { recursive: true });
  for (;;) {
    const handle = await open(part, existsSync(part) ? 'r+' : 'w+');
    let kept = 0;
    try {
      const filled = await fill(handle, job);
      kept = filled.kept;
      if (filled.sum === file.etag) {
        await handle.sync();
        await finish(part, blob);
        return;
      }
    } catch (error) {
      throw diskFull(error, dirname(blob));
    } finally {
      await handle.close();
    }
    await rm(part, { force: true });
    // what lay there may have been torn; bytes that all came now were sent wrong
    if (kept > 0) continue;
    const what = `${repo}: ${file.path} has another checksum than it should have (${basename(blob).slice(0, 12)}…).`;
    throw new HubError(what, 'It was removed; run the same again.', true);
  }
}
