/** A running SHA-256. */
export interface RunningSha256 {
  update(bytes: Uint8Array): unknown;
  /** 32 bytes; nothing may be added afterwards. */
  digest(): Uint8Array;
}

interface NodeLike {
  readonly process?: {
    getBuiltinModule?(id: string): { createHash(name: string): RunningSha256 } | undefined;
  };
}

/**
 * A running SHA-256 of the runtime itself: that of Node, Bun or Deno, ten times as fast as one in JavaScript. Null in
 * browsers, whose WebCrypto digests only what is in memory as a whole.
 */
export function nativeSha256(): RunningSha256 | null {
  // not an import, so that bundlers for pages have nothing to resolve
  const crypto = (globalThis as NodeLike).process?.getBuiltinModule?.('node:crypto');
  return crypto?.createHash('sha256') ?? null;
}
