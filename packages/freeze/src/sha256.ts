import { nativeSha256, type RunningSha256 } from '@moect/core';
import { sha256 } from '@noble/hashes/sha2.js';

/** A running SHA-256: the runtime's own where there is one, else JavaScript. */
export const runningSha256 = (): RunningSha256 => nativeSha256() ?? sha256.create();

/** 64 hexadecimal digits of 32 bytes. */
export const toHex = (digest: Uint8Array): string =>
  Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * SHA-256 by WebCrypto, beside the running program: in Node on the threads of its pool. A page that was not loaded
 * securely has no WebCrypto; there it is computed in place.
 */
export async function sha256Of(bytes: Uint8Array): Promise<Uint8Array> {
  const { subtle } = (globalThis as { crypto?: { subtle?: SubtleCrypto } }).crypto ?? {};
  if (subtle !== undefined) return new Uint8Array(await subtle.digest('SHA-256', bytes as BufferSource));
  const running = runningSha256();
  running.update(bytes);
  return running.digest();
}

/** {@link sha256Of} as 64 hexadecimal digits; a text counts as its UTF-8 bytes. */
export async function sha256Hex(data: Uint8Array | string): Promise<string> {
  return toHex(await sha256Of(typeof data === 'string' ? new TextEncoder().encode(data) : data));
}
