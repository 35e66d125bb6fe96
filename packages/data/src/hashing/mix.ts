/** Bit mixer of MurmurHash3 (32 bits): every input bit reaches every output bit. */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** One unsigned 32-bit number from several; counters above 2^32 keep all their bits. */
export function hashNumbers(...numbers: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const n of numbers) {
    hash = mix32(hash ^ (n >>> 0));
    hash = mix32(hash ^ Math.floor(n / 2 ** 32));
  }
  return hash;
}
