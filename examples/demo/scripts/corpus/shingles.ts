const encoder = new TextEncoder();
const base = 0x01000193;

/**
 * Finds texts that share a run of `width` UTF-8 bytes with texts added before.
 * A rolling hash finds candidates and a comparison of bytes confirms them: no run is missed or falsely found.
 */
export class ShingleIndex {
  readonly width: number;
  readonly #places = new Map<number, { bytes: Uint8Array; start: number }[]>();
  readonly #leadingFactor: number;

  constructor(width = 50) {
    this.width = width;
    let factor = 1;
    for (let i = 0; i < width - 1; i++) factor = Math.imul(factor, base);
    this.#leadingFactor = factor;
  }

  add(text: string): void {
    const bytes = encoder.encode(text);
    this.#scan(bytes, (hash, start) => {
      const known = this.#places.get(hash);
      if (known === undefined) this.#places.set(hash, [{ bytes, start }]);
      else known.push({ bytes, start });
      return false;
    });
  }

  shares(text: string): boolean {
    const bytes = encoder.encode(text);
    return this.#scan(bytes, (hash, start) =>
      (this.#places.get(hash) ?? []).some((place) => this.#equal(place.bytes, place.start, bytes, start)),
    );
  }

  #equal(left: Uint8Array, leftStart: number, right: Uint8Array, rightStart: number): boolean {
    for (let i = 0; i < this.width; i++) if (left[leftStart + i] !== right[rightStart + i]) return false;
    return true;
  }

  /** Calls `visit` for each window until it returns true. */
  #scan(bytes: Uint8Array, visit: (hash: number, start: number) => boolean): boolean {
    let hash = 0;
    for (let end = 0; end < bytes.length; end++) {
      const leaving = end - this.width;
      if (leaving >= 0) hash -= Math.imul(bytes[leaving]!, this.#leadingFactor);
      hash = (Math.imul(hash, base) + bytes[end]!) | 0;
      if (leaving >= -1 && visit(hash, leaving + 1)) return true;
    }
    return false;
  }
}
