import { type FileHandle, open } from 'node:fs/promises';
import { CorruptDataError } from '@moect/core';
import type { ByteSource } from '../byte-source.ts';

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

async function readRange(handle: FileHandle, path: string, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, begin + filled);
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

/** Opens a file for reading any part of it. */
export async function fileSource(path: string): Promise<FileSource> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  return {
    name: path,
    size,
    read: (begin, end) => readRange(handle, path, begin, end),
    close: () => handle.close(),
  };
}
