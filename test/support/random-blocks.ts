import { encodeFloat16 } from '@moect/core';
import { BLOCK_FORMATS, type BlockStorage, type BlockValues } from '@moect/kernels';

/** Where a block's float16 numbers lie, and their size, so that the weights are about 0.01 to 1. */
const HALVES: Readonly<Record<BlockStorage, { readonly at: readonly number[]; readonly size: number }>> = {
  float16: { at: [0], size: 1 },
  q8_0: { at: [0], size: 2 ** -8 },
  q4_0: { at: [0], size: 2 ** -4 },
  q4_1: { at: [0, 2], size: 2 ** -4 },
  q5_0: { at: [0], size: 2 ** -5 },
  q5_1: { at: [0, 2], size: 2 ** -5 },
  q4_k: { at: [0, 2], size: 2 ** -10 },
  q5_k: { at: [0, 2], size: 2 ** -11 },
  q6_k: { at: [208], size: 2 ** -12 },
};

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
  const { values, bytes } = BLOCK_FORMATS[storage];
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
  const { at, size } = HALVES[storage];
  // a power of two changes a half's exponent alone
  const exponent = Math.log2(size) * 1024;
  const view = new DataView(codes.buffer);
  for (let block = 0; block < count; block++) {
    for (const half of at) {
      const place = block * bytes + half;
      view.setUint16(place, FACTORS[codes[place]!]! + exponent, true);
    }
  }
  return { storage, codes, rows, columns };
}
