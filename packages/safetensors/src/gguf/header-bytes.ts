import { CorruptDataError } from '@moect/core';

const HINT = 'Fetch the file again; it is damaged or not a GGUF file.';

/** Throws CorruptDataError. */
export function corruptGguf(source: string, reason: string): never {
  throw new CorruptDataError(source, reason, HINT);
}

/** Longest text of a header in bytes; chat templates and the texts of tokens are far shorter. */
const MAX_TEXT = 10_000_000;

/** A header needs more of the file than was read. */
export class MoreBytesNeeded extends Error {}

/** Reads the first bytes of a file in order. Nothing is allocated for a size that the file cannot hold. */
export class HeaderBytes {
  /** Bytes before the next value. */
  offset = 0;
  readonly source: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fileSize: number;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  /** @param bytes the file's first bytes, up to all `fileSize` of them */
  constructor(bytes: Uint8Array, fileSize: number, source: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fileSize = fileSize;
    this.source = source;
  }

  /** Goes over `size` bytes and gives their place. */
  take(size: number): number {
    const at = this.offset;
    if (at + size > this.#fileSize) {
      corruptGguf(this.source, `ends inside its header, after ${this.#fileSize} bytes`);
    }
    if (at + size > this.#bytes.length) throw new MoreBytesNeeded();
    this.offset += size;
    return at;
  }

  /** The next `size` bytes through a getter of DataView. */
  scalar<T>(size: number, read: (view: DataView, at: number) => T): T {
    return read(this.#view, this.take(size));
  }

  uint32(): number {
    return this.scalar(4, (view, at) => view.getUint32(at, true));
  }

  /** A number of 64 bits, which must be exact. */
  uint64(what: string): number {
    const value = this.scalar(8, (view, at) => view.getBigUint64(at, true));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) corruptGguf(this.source, `${what} is ${value}`);
    return Number(value);
  }

  /** A number of things that follow and take at least `bytes` each. */
  count(what: string, bytes: number): number {
    const count = this.uint64(`the number of ${what}`);
    const left = this.#fileSize - this.offset;
    if (count * bytes > left) corruptGguf(this.source, `says that ${count} ${what} follow, in ${left} bytes`);
    return count;
  }

  text(what: string): string {
    const length = this.count(`bytes of ${what}`, 1);
    if (length > MAX_TEXT)
      corruptGguf(this.source, `${what} has ${length} bytes, at most ${MAX_TEXT} are read`);
    const at = this.take(length);
    try {
      return this.#utf8.decode(this.#bytes.subarray(at, at + length));
    } catch {
      return corruptGguf(this.source, `${what} is not UTF-8`);
    }
  }
}
