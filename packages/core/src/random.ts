import type { Rng } from './tensor.ts';

/** FNV-1a over UTF-16 code units, 32 bits. */
function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32. */
function xoshiro(seed: number): () => number {
  let mixer = seed >>> 0;
  const split = (): number => {
    mixer = (mixer + 0x9e3779b9) >>> 0;
    let z = mixer;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [split(), split(), split(), split()];
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}

/** Seeded random numbers on the host. Two streams of equal seed are equal, whatever the backend. */
export function createRng(seed: number): Rng {
  const bits = xoshiro(seed);
  const next = (): number => (bits() * 0x200000 + (bits() >>> 11)) / 2 ** 53;
  // Box–Muller; 1 − u keeps the logarithm finite
  const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal: (count, mean = 0, std = 1) => Float32Array.from({ length: count }, () => mean + std * gaussian()),
    uniform: (count, low = 0, high = 1) =>
      Float32Array.from({ length: count }, () => low + (high - low) * next()),
    integers: (count, bound) => Int32Array.from({ length: count }, () => Math.floor(next() * bound)),
    fork: (label) => createRng(hashText(label, seed)),
  };
}
