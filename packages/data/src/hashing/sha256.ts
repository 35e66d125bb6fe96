import { nativeSha256, type RunningSha256 } from '@moect/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * SHA-256 that needs no promise, unlike WebCrypto: fingerprints and splits are computed in synchronous code. It is the
 * runtime's own where there is one (Node, Bun, Deno), and JavaScript in browsers.
 */
export class Sha256 {
  readonly #hash: RunningSha256 = nativeSha256() ?? sha256.create();

  /** Strings count as their UTF-8 bytes. */
  update(data: Uint8Array | string): this {
    this.#hash.update(typeof data === 'string' ? utf8ToBytes(data) : data);
    return this;
  }

  /** Int32 values as little-endian bytes, whatever the machine. */
  updateInt32(values: Int32Array): this {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < values.length; i++) view.setInt32(i * 4, values[i]!, true);
    return this.update(bytes);
  }

  /** The digest's first 32 bits, unsigned; nothing may be added afterwards. */
  firstWord(): number {
    const { buffer, byteOffset } = this.#hash.digest();
    return new DataView(buffer, byteOffset).getUint32(0);
  }

  /** 64 hexadecimal digits; nothing may be added afterwards. */
  hex(): string {
    return bytesToHex(this.#hash.digest());
  }
}

/** 64 hexadecimal digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return new Sha256().update(data).hex();
}
