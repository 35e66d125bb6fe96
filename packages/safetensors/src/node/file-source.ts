import { type FileHandle, open, stat } from 'node:fs/promises';
import { CorruptDataError } from '@moect/core';
import type { ByteSource } from '../byte-source.ts';

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/** Node aborts the process for a single read of 2 GiB or more. */
const MOST_AT_ONCE = 2 ** 30;

async function readRange(handle: FileHandle, path: string, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  let filled = 0;
  while (filled < bytes.length) {
    const wanted = Math.min(bytes.length - filled, MOST_AT_ONCE);
    const { bytesRead } = await handle.read(bytes, filled, wanted, begin + filled);
    if (bytesRead === 0) {
      throw new CorruptDataError(
        path,
        `ends at byte ${begin + filled}, needed ${end}`,
        'The file was cut short.',
      );
    }
    filled += bytesRead;
  }
  return bytes;
}

/** Opens a file for reading any part of it. Throws CorruptDataError for a folder. */
export async function fileSource(path: string): Promise<FileSource> {
  const handle = await open(path, 'r');
  const stats = await handle.stat();
  if (stats.isDirectory()) {
    await handle.close();
    throw new CorruptDataError(path, 'is a folder, must be a file', 'Fetch the file again.');
  }
  const { size } = stats;
  return {
    name: path,
    size,
    read: (begin, end) => readRange(handle, path, begin, end),
    close: () => handle.close(),
  };
}

/** A file whose parts are read when asked for; it is open only while one is read, so there is nothing to close. */
export async function pathSource(path: string): Promise<ByteSource> {
  const { size } = await stat(path);
  return {
    name: path,
    size,
    async read(begin, end) {
      const handle = await open(path, 'r');
      try {
        return await readRange(handle, path, begin, end);
      } finally {
        await handle.close();
      }
    },
  };
}
