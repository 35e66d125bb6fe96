import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Json } from '@moect/core';
import type { HostTensor } from '../dtype.ts';
import { safetensorsPieces, type WriteOptions } from '../write-safetensors.ts';
import { syncFolder } from './durable-files.ts';
import { renamePatiently } from './replace-folder.ts';

/**
 * Writes a file so that a crash leaves the old one or the new one, never half of it:
 * a temporary file beside it, fsync, rename, fsync of the folder.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string | Iterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  const isWhole = typeof content === 'string' || content instanceof Uint8Array;
  try {
    const handle = await open(temporary, 'wx');
    try {
      for (const piece of isWhole ? [content] : content) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await renamePatiently(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** JSON with two spaces and a newline at the end, written by {@link writeFileAtomic}. */
export async function writeJsonAtomic(path: string, value: Json | object): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A safetensors file written by {@link writeFileAtomic}, one tensor after the other. Throws CorruptDataError. */
export async function writeSafetensorsFile(
  path: string,
  tensors: Iterable<readonly [string, HostTensor]>,
  options: WriteOptions = {},
): Promise<void> {
  await writeFileAtomic(path, safetensorsPieces(tensors, options));
}
