import { BackendUnavailableError } from '@moect/core';
import { FreeBlocks } from './free-blocks.ts';
import { layout } from './layout.ts';

const PAGE = 65536;
const MAX_PAGES = 65535;
/** Kernels may read (never write) up to one vector beyond the last element. */
const TAIL = 16;
/** Largest block with a size class, in bytes; larger blocks are cut to size. */
const SMALL = 4096;
/** Small blocks are cut from pieces of this size, so that they do not lie scattered between large ones. */
const SLAB = 65536;
/** Large blocks are whole cache lines. */
const LINE = 64;

/**
 * Small blocks have size classes of a quarter power of two with one free list each, in O(1). Large blocks are cut from
 * the smallest gap that holds them, or from the end of the memory. Blocks are 16-byte aligned and 16 bytes longer
 * than requested. Pointers are unsigned (up to 4 GiB).
 */
export class Allocator {
  readonly memory: WebAssembly.Memory;
  /** Bytes handed out and not yet released, rounded up as they are handed out. */
  liveBytes = 0;
  /** Largest `liveBytes` since `resetPeak`. */
  peakBytes = 0;
  /** Grows by one whenever views over `memory.buffer` must be made anew. */
  epoch = 0;
  /** Called for every block, with the requested bytes; see `recordHeap`. */
  onEvent: ((pointer: number, bytes: number, isTaken: boolean) => void) | undefined;
  #top: number = layout.heapStart;
  #end: number;
  readonly #mostPages: number;
  #slabAt = 0;
  #slabEnd = 0;
  readonly #small: number[][] = [];
  readonly #large = new FreeBlocks();

  /** @param mostPages limit of the memory, in pages of 64 KiB */
  constructor(memory: WebAssembly.Memory, mostPages: number = MAX_PAGES) {
    this.memory = memory;
    this.#mostPages = Math.min(MAX_PAGES, mostPages);
    this.#end = memory.buffer.byteLength;
  }

  /** Address of at least `bytes` bytes. @throws BackendUnavailableError when the memory is used up. */
  alloc(bytes: number): number {
    const size = blockBytes(bytes);
    const pointer = size <= SMALL ? this.#allocSmall(size) : this.#allocLarge(size);
    this.liveBytes += size;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
    this.onEvent?.(pointer, bytes, true);
    return pointer;
  }

  /** Gives back what `alloc(bytes)` returned. */
  release(pointer: number, bytes: number): void {
    const size = blockBytes(bytes);
    if (size > SMALL) this.#large.put(pointer, size);
    else this.#classList(size).push(pointer);
    this.liveBytes -= size;
    this.onEvent?.(pointer, bytes, false);
  }

  /** End of the memory that was ever handed out: the part that the process really holds. */
  get top(): number {
    return this.#top;
  }

  /** Bytes that the memory can grow to. */
  get limitBytes(): number {
    return this.#mostPages * PAGE;
  }

  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  #classList(size: number): number[] {
    const index = classOf(size);
    let list = this.#small[index];
    if (list === undefined) {
      list = [];
      this.#small[index] = list;
    }
    return list;
  }

  #allocSmall(size: number): number {
    const reused = this.#classList(size).pop();
    if (reused !== undefined) return reused;
    if (this.#slabAt + size > this.#slabEnd) {
      this.#slabAt = this.#allocLarge(SLAB);
      this.#slabEnd = this.#slabAt + SLAB;
    }
    const pointer = this.#slabAt;
    this.#slabAt += size;
    return pointer;
  }

  #allocLarge(size: number): number {
    const reused = this.#large.take(size);
    if (reused !== undefined) return reused;
    const pointer = this.#large.takeBefore(this.#top);
    if (pointer + size > this.#end && !this.#grow(pointer + size)) {
      if (pointer < this.#top) this.#large.put(pointer, this.#top - pointer);
      throw new BackendUnavailableError(
        'moect-wasm',
        `no room for ${size} more bytes: ${this.liveBytes} are in use, and its memory ends at ${this.#mostPages / 16} MiB`,
        'Use a smaller batch or shorter sequences, recompute activations instead of keeping them, keep frozen weights in a smaller storage, or dispose tensors that are no longer needed (tf.tidy).',
      );
    }
    this.#top = pointer + size;
    return pointer;
  }

  #grow(needed: number): boolean {
    const pages = this.#end / PAGE;
    const least = Math.ceil(needed / PAGE);
    if (least > this.#mostPages) return false;
    const wanted = Math.min(this.#mostPages, Math.max(least, Math.ceil(pages * 1.25)));
    for (const target of [wanted, least]) {
      try {
        this.memory.grow(target - pages);
        this.#end = target * PAGE;
        this.epoch++;
        return true;
      } catch {
        // try the next, smaller target
      }
    }
    return false;
  }
}

/** Bytes that a request takes. */
export function blockBytes(bytes: number): number {
  const size = bytes + TAIL;
  return size <= SMALL ? classBytes(classOf(size)) : Math.ceil(size / LINE) * LINE;
}

/** Index of the smallest class that holds `bytes`. Class 0 has 64 bytes. */
function classOf(bytes: number): number {
  if (bytes <= 64) return 0;
  const exponent = Math.floor(Math.log2(bytes - 1));
  const base = 2 ** exponent;
  return (exponent - 6) * 4 + Math.ceil((bytes - base) / (base / 4));
}

/** Bytes of a class: (4 + index mod 4) · 2^(4 + index div 4), always a multiple of 16. */
function classBytes(index: number): number {
  return (4 + (index & 3)) * 2 ** (4 + (index >> 2));
}
