/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const roundConstants: Int32Array = (() => {
  const constants = new Int32Array(64);
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) constants[found++] = fractionBits(Math.cbrt(n));
  }
  return constants;
})();

/** The same of the square roots of the first 8 primes (§5.3.3). */
const initialState: readonly number[] = [2, 3, 5, 7, 11, 13, 17, 19].map((n) => fractionBits(Math.sqrt(n)));

function fractionBits(value: number): number {
  return ((value - Math.floor(value)) * 2 ** 32) | 0;
}

function rotateRight(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

const encoder = new TextEncoder();

/**
 * SHA-256 (FIPS 180-4) that needs no promise, unlike WebCrypto: fingerprints and splits are computed in
 * synchronous code, in Node and in browsers alike.
 */
export class Sha256 {
  readonly #state = Int32Array.from(initialState);
  readonly #schedule = new Int32Array(64);
  readonly #block = new Uint8Array(64);
  #filled = 0;
  #length = 0;

  /** Strings count as their UTF-8 bytes. */
  update(data: Uint8Array | string): this {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    this.#length += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const taken = Math.min(64 - this.#filled, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === 64) this.#compress();
    }
    return this;
  }

  /** Int32 values as little-endian bytes, whatever the machine. */
  updateInt32(values: Int32Array): this {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < values.length; i++) view.setInt32(i * 4, values[i]!, true);
    return this.update(bytes);
  }

  /** The eight state words; nothing may be added afterwards. */
  words(): Int32Array {
    const block = this.#block;
    block[this.#filled] = 0x80;
    block.fill(0, this.#filled + 1);
    // 9 bytes of padding must fit: 0x80 and the length
    if (this.#filled > 55) {
      this.#compress();
      block.fill(0);
    }
    const view = new DataView(block.buffer);
    view.setUint32(56, Math.floor(this.#length / 2 ** 29));
    view.setUint32(60, (this.#length * 8) >>> 0);
    this.#compress();
    return this.#state;
  }

  hex(): string {
    return Array.from(this.words(), (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  #expand(): Int32Array {
    const w = this.#schedule;
    const view = new DataView(this.#block.buffer);
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(i * 4);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15]!;
      const b = w[i - 2]!;
      const small = rotateRight(a, 7) ^ rotateRight(a, 18) ^ (a >>> 3);
      const large = rotateRight(b, 17) ^ rotateRight(b, 19) ^ (b >>> 10);
      w[i] = w[i - 16]! + small + w[i - 7]! + large;
    }
    return w;
  }

  #compress(): void {
    const w = this.#expand();
    const s = this.#state;
    let [a, b, c, d] = [s[0]!, s[1]!, s[2]!, s[3]!];
    let [e, f, g, h] = [s[4]!, s[5]!, s[6]!, s[7]!];
    for (let i = 0; i < 64; i++) {
      const mixedE = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
      const first = (h + mixedE + ((e & f) ^ (~e & g)) + roundConstants[i]! + w[i]!) | 0;
      const mixedA = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
      const second = (mixedA + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      s[i] = s[i]! + word;
    });
    this.#filled = 0;
  }
}

/** SHA-256 of the UTF-8 bytes, in hexadecimal. */
export function sha256Hex(text: string): string {
  return new Sha256().update(text).hex();
}
