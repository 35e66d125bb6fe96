import { encodeFloat16 } from '@moect/core';
import { BLOCK_FORMATS, type BlockStorage, type BlockValues } from '@moect/kernels';

/** Sizes and signs of the scales. */
const FACTORS = encodeFloat16(
  Float32Array.from({ length: 256 }, (_, i) => (i % 3 === 0 ? -1 : 1) * (0.5 + i / 256)),
);

/** Fewest columns, from `columns` on, that are whole blocks. */
export function wholeBlocks(storage: BlockStorage, columns: number): number {
  const { values } = BLOCK_FORMATS[storage];
  return Math.ceil(columns / values) * values;
}

/** A matrix of random blocks, made fast enough for a billion weights. @param columns whole blocks */
export function randomBlocks(storage: BlockStorage, rows: number, columns: number, seed = 1): BlockValues {
  const { values, bytes, factors } = BLOCK_FORMATS[storage];
  const count = (rows * columns) / values;
  const words = new Uint32Array(Math.ceil((count * bytes) / 4));
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x2545f491) | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const codes = new Uint8Array(words.buffer, 0, count * bytes);
  // weights of at most about 1; a power of two changes a half's exponent alone
  const exponents = factors.map(({ most }) => Math.ceil(Math.log2(most)) * 1024);
  const view = new DataView(codes.buffer);
  for (let block = 0; block < count; block++) {
    for (const [i, { at }] of factors.entries()) {
      const place = block * bytes + at;
      view.setUint16(place, FACTORS[codes[place]!]! - exponents[i]!, true);
    }
  }
  return { storage, codes, rows, columns };
}
