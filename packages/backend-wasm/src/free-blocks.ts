/** Released blocks by address. Neighbours are merged, so that no memory is lost to sizes that do not recur. */
export class FreeBlocks {
  /** Addresses, ascending. */
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];

  /** Address of `size` bytes out of the smallest block that holds them, or undefined. */
  take(size: number): number | undefined {
    let best = -1;
    for (let i = 0; i < this.#sizes.length; i++) {
      const bytes = this.#sizes[i]!;
      if (bytes >= size && (best < 0 || bytes < this.#sizes[best]!)) best = i;
    }
    if (best < 0) return undefined;
    const start = this.#starts[best]!;
    this.#resize(best, start + size, this.#sizes[best]! - size);
    return start;
  }

  /** Removes the block that ends at `end`; returns its address, or `end` where there is none. */
  takeBefore(end: number): number {
    const last = this.#starts.length - 1;
    const start = this.#starts[last];
    if (start === undefined || start + this.#sizes[last]! !== end) return end;
    this.#resize(last, start, 0);
    return start;
  }

  put(start: number, size: number): void {
    const at = this.#indexAfter(start);
    const before = at - 1;
    const joinsBefore = before >= 0 && this.#starts[before]! + this.#sizes[before]! === start;
    const joinsNext = this.#starts[at] === start + size;
    if (joinsBefore) {
      this.#sizes[before]! += size + (joinsNext ? this.#sizes[at]! : 0);
      if (joinsNext) this.#resize(at, 0, 0);
    } else if (joinsNext) {
      this.#resize(at, start, size + this.#sizes[at]!);
    } else {
      this.#starts.splice(at, 0, start);
      this.#sizes.splice(at, 0, size);
    }
  }

  /** Index of the first block beyond an address. */
  #indexAfter(address: number): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #resize(index: number, start: number, size: number): void {
    if (size === 0) {
      this.#starts.splice(index, 1);
      this.#sizes.splice(index, 1);
    } else {
      this.#starts[index] = start;
      this.#sizes[index] = size;
    }
  }
}
