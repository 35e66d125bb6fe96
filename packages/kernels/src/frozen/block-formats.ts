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
}

/** Sizes of the blocks, as in ggml-common.h. */
export const BLOCK_FORMATS: Readonly<Record<BlockStorage, BlockFormat>> = {
  float16: { values: 1, bytes: 2 },
  q8_0: { values: 32, bytes: 34 },
  q4_0: { values: 32, bytes: 18 },
  q4_1: { values: 32, bytes: 20 },
  q5_0: { values: 32, bytes: 22 },
  q5_1: { values: 32, bytes: 24 },
  q4_k: { values: 256, bytes: 144 },
  q5_k: { values: 256, bytes: 176 },
  q6_k: { values: 256, bytes: 210 },
};

export function isBlockStorage(storage: string): storage is BlockStorage {
  return Object.hasOwn(BLOCK_FORMATS, storage);
}

/** Bytes of a row of `columns` values, a multiple of the block's. */
export function rowBytes(storage: BlockStorage, columns: number): number {
  const { values, bytes } = BLOCK_FORMATS[storage];
  return (columns / values) * bytes;
}
