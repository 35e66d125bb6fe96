import { BackendUnavailableError } from '@moect/core';
import { layout } from './layout.ts';

const PAGE = 65536;
const MAX_PAGES = 65535;
/** Kernels may read (never write) up to one vector beyond the last element. */
const TAIL = 16;

/**
 * Memory in size classes of a quarter power of two, with one free list per class. Allocation and release are
 * O(1); blocks are 16-byte aligned and 16 bytes longer than asked. Pointers are unsigned (up to 4 GiB).
 */
export class Allocator {
  readonly memory: WebAssembly.Memory;
  /** Bytes handed out and not yet released, as classes. */
  liveBytes = 0;
  /** Largest `liveBytes` since `resetPeak`. */
  peakBytes = 0;
  /** Grows by one whenever views over `memory.buffer` must be made anew. */
  epoch = 0;
  #top: number = layout.heapStart;
  #end: number;
  readonly #free: number[][] = [];

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#end = memory.buffer.byteLength;
  }

  /** Address of at least `bytes` bytes. @throws BackendUnavailableError when 4 GiB are used up. */
  alloc(bytes: number): number {
    const index = classOf(bytes + TAIL);
    const size = classBytes(index);
    const list = this.#free[index];
    const reused = list?.pop();
    const pointer = reused ?? this.#extend(index, size);
    this.liveBytes += size;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
    return pointer;
  }

  /** Gives back what `alloc(bytes)` returned. */
  release(pointer: number, bytes: number): void {
    const index = classOf(bytes + TAIL);
    let list = this.#free[index];
    if (list === undefined) {
      list = [];
      this.#free[index] = list;
    }
    list.push(pointer);
    this.liveBytes -= classBytes(index);
  }

  /** End of the memory that was ever handed out. */
  get top(): number {
    return this.#top;
  }

  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  #extend(index: number, size: number): number {
    const pointer = this.#top;
    if (pointer + size > this.#end && !this.#grow(pointer + size)) return this.#split(index, size);
    this.#top = pointer + size;
    return pointer;
  }

  #grow(needed: number): boolean {
    const pages = this.#end / PAGE;
    const least = Math.ceil(needed / PAGE);
    if (least > MAX_PAGES) return false;
    const wanted = Math.min(MAX_PAGES, Math.max(least, Math.ceil(pages * 1.25)));
    for (const target of [wanted, least]) {
      try {
        this.memory.grow(target - pages);
        this.#end = target * PAGE;
        this.epoch++;
        return true;
      } catch {
        // the next, smaller target
      }
    }
    return false;
  }

  /** Memory is at its end: takes a released block of a larger class and keeps the rest of it in smaller ones. */
  #split(index: number, size: number): number {
    for (let larger = index + 1; larger < this.#free.length; larger++) {
      const pointer = this.#free[larger]?.pop();
      if (pointer === undefined) continue;
      this.#keep(pointer + size, classBytes(larger) - size);
      return pointer;
    }
    throw new BackendUnavailableError(
      'moect-wasm',
      `its memory of 4 GiB has no room for ${size} more bytes (${this.liveBytes} bytes are in use)`,
      'Use a smaller batch or shorter sequences, or dispose tensors that are no longer needed (tf.tidy).',
    );
  }

  #keep(pointer: number, bytes: number): void {
    let at = pointer;
    let left = bytes;
    while (left >= classBytes(0)) {
      let index = classOf(left);
      if (classBytes(index) > left) index--;
      this.#free[index] ??= [];
      this.#free[index]!.push(at);
      at += classBytes(index);
      left -= classBytes(index);
    }
  }
}

/** Index of the smallest class that holds `bytes`. Class 0 has 64 bytes. */
export function classOf(bytes: number): number {
  if (bytes <= 64) return 0;
  const exponent = Math.floor(Math.log2(bytes - 1));
  const base = 2 ** exponent;
  return (exponent - 6) * 4 + Math.ceil((bytes - base) / (base / 4));
}

/** Bytes of a class: (4 + index mod 4) · 2^(4 + index div 4), always a multiple of 16. */
export function classBytes(index: number): number {
  return (4 + (index & 3)) * 2 ** (4 + (index >> 2));
}
