import { decodeBfloat16, encodeBfloat16, NonFiniteError } from '@moect/core';
import { type BlockStorage, isBlockStorage, rowBytes } from './block-formats.ts';
import { type BlockValues, widenBlocks } from './widen-blocks.ts';

/** Storage that a frozen float32 weight can be brought into. */
export type FrozenStorage = 'float32' | CompressedStorage;

export type CompressedStorage = 'bfloat16' | 'int8';

/** Every storage of a matrix that is not float32: GGML's blocks come from a file and are only read. */
export type MatrixStorage = CompressedStorage | BlockStorage;

/** Bytes of the codes of a row of `columns` values. */
export function bytesOfRow(storage: MatrixStorage, columns: number): number {
  if (isBlockStorage(storage)) return rowBytes(storage, columns);
  return columns * (storage === 'int8' ? 1 : 2);
}

/** A matrix of rows × columns in fewer bytes. */
export type CompressedValues = RoundedValues | BlockValues;

/** A matrix that {@link compressValues} rounded. */
export interface RoundedValues {
  readonly storage: CompressedStorage;
  /** bfloat16 bits, or whole numbers −127 … 127. */
  readonly codes: Uint16Array | Int8Array;
  /** int8: one for each row, value = code · scale. bfloat16: empty. */
  readonly scales: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/**
 * int8: a row's scale is max|w| / 127, so that |w − w′| ≤ scale / 2 (and the rounding of w′ to float32).
 * Throws NonFiniteError for NaN and infinity in int8, which has no code for them.
 */
export function compressValues(
  values: Float32Array,
  rows: number,
  storage: CompressedStorage,
): RoundedValues {
  const columns = rows === 0 ? 0 : values.length / rows;
  if (storage === 'bfloat16') {
    return { storage, codes: encodeBfloat16(values), scales: new Float32Array(0), rows, columns };
  }
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const scale = Math.fround(largestOf(values.subarray(from, from + columns)) / 127);
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = from; i < from + columns; i++) {
      codes[i] = Math.max(-127, Math.min(127, Math.round(values[i]! / scale)));
    }
  }
  return { storage, codes, scales, rows, columns };
}

function largestOf(row: Float32Array): number {
  let largest = 0;
  for (const value of row) {
    if (!Number.isFinite(value)) {
      throw new NonFiniteError(
        `a weight (${value})`,
        'int8 has no code for it: use bfloat16, or mend the weights.',
      );
    }
    largest = Math.max(largest, Math.abs(value));
  }
  return largest;
}

/** The values that a compressed matrix stands for, as every kernel and backend widens them. */
export function widenValues(compressed: CompressedValues): Float32Array {
  if (!('scales' in compressed)) return widenBlocks(compressed);
  const { codes, scales, rows, columns } = compressed;
  if (codes instanceof Uint16Array) return decodeBfloat16(codes);
  const values = new Float32Array(codes.length);
  for (let row = 0; row < rows; row++) {
    const scale = scales[row]!;
    for (let i = row * columns; i < (row + 1) * columns; i++) values[i] = codes[i]! * scale;
  }
  return values;
}
