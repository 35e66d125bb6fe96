import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Makes renames and new files in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open folders; its rename is durable enough by itself
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writePieces(handle: FileHandle, pieces: Iterable<Uint8Array | string>): Promise<FileDigest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const piece of pieces) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    await handle.writeFile(chunk);
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  await handle.sync();
  return { bytes, sha256: hash.digest('hex') };
}

/** Writes a new file and waits until it is on the disk. */
export async function writeDurable(path: string, pieces: Iterable<Uint8Array | string>): Promise<FileDigest> {
  const handle = await open(path, 'wx');
  try {
    return await writePieces(handle, pieces);
  } finally {
    await handle.close();
  }
}

export async function digestFile(path: string): Promise<FileDigest> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
