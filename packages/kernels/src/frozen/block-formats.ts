/**
 * Storages of GGML, the format of GGUF files: a row is a sequence of blocks, each with scales of its own. `float16` is the
 * one whose block is a single value.
 */
export type BlockStorage = 'float16' | 'q8_0' | 'q4_0' | 'q4_1' | 'q5_0' | 'q5_1' | 'q4_k' | 'q5_k' | 'q6_k';

export interface BlockFormat {
  /** Values of a block. */
  readonly values: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** A block's float16 numbers: the byte of each, and the largest magnitude of a whole number that it is multiplied by. */
  readonly factors: readonly { readonly at: number; readonly most: number }[];
}

const factors = (...most: readonly number[]): BlockFormat['factors'] =>
  most.map((number, i) => ({ at: 2 * i, most: number }));

/** The blocks, as in ggml-common.h. */
export const BLOCK_FORMATS: Readonly<Record<BlockStorage, BlockFormat>> = {
  float16: { values: 1, bytes: 2, factors: factors(1) },
  q8_0: { values: 32, bytes: 34, factors: factors(128) },
  q4_0: { values: 32, bytes: 18, factors: factors(8) },
  q4_1: { values: 32, bytes: 20, factors: factors(15, 1) },
  q5_0: { values: 32, bytes: 22, factors: factors(16) },
  q5_1: { values: 32, bytes: 24, factors: factors(31, 1) },
  q4_k: { values: 256, bytes: 144, factors: factors(63 * 15, 63) },
  q5_k: { values: 256, bytes: 176, factors: factors(63 * 31, 63) },
  q6_k: { values: 256, bytes: 210, factors: [{ at: 208, most: 128 * 32 }] },
};

export function isBlockStorage(storage: string): storage is BlockStorage {
  return Object.hasOwn(BLOCK_FORMATS, storage);
}

/** Bytes of a row of `columns` values, a multiple of the block's. */
export function rowBytes(storage: BlockStorage, columns: number): number {
  const { values, bytes } = BLOCK_FORMATS[storage];
  return (columns / values) * bytes;
}
