/** Bytes that can be read in any order without holding all of them. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Bytes begin … end−1. Throws CorruptDataError when the source ends before. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** Makes a {@link ByteSource} of bytes in memory. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return { name, size: bytes.length, read: async (begin, end) => bytes.subarray(begin, end) };
}

/** Makes a {@link ByteSource} of a Blob, such as a File that was dropped on a page; its parts are read when asked for. */
export function blobSource(blob: Blob, name: string): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (begin, end) => new Uint8Array(await blob.slice(begin, end).arrayBuffer()),
  };
}
