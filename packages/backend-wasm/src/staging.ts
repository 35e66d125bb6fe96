/** Larger values wait for the operations before them: they are few, and copying them twice would cost more. */
const MOST_BYTES = 65536;

/**
 * Memory through which values get from JavaScript to the heap while operations are pending: only the copies queued
 * behind them read it, so it can be written at once.
 */
export class Staging {
  /** Bytes of a staging memory on the heap. */
  static readonly bytes: number = 4 * MOST_BYTES;
  readonly #start: number;
  readonly #bytes: Uint8Array;
  #used = 0;

  /** @param start address of `Staging.bytes` bytes in a shared memory, whose views outlast its growth */
  constructor(memory: WebAssembly.Memory, start: number) {
    this.#start = start;
    this.#bytes = new Uint8Array(memory.buffer, start, Staging.bytes);
  }

  /** Address of a copy of the bytes, or undefined where there is no room for them before `clear`. */
  put(bytes: Uint8Array): number | undefined {
    const at = this.#used;
    if (bytes.length > MOST_BYTES || at + bytes.length > Staging.bytes) return undefined;
    this.#bytes.set(bytes, at);
    this.#used = (at + bytes.length + 15) & ~15;
    return this.#start + at;
  }

  /** Called when all copies are done. */
  clear(): void {
    this.#used = 0;
  }
}
