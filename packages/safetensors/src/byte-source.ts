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
