import type { FrozenMatrix } from './frozen-matrices.ts';
import { type Range, ranges, type TensorPart } from './tensor-part.ts';

/** Rows first … first + count − 1 of a matrix in compressed storage. */
export interface FrozenRows extends Range {
  readonly matrix: FrozenMatrix;
}

/** Parts begin at multiples of so many rows: their codes and scales then begin where a binding may, in any storage. */
const ROWS = 256;

export const codesPerWord = ({ storage }: FrozenMatrix): number => (storage === 'int8' ? 4 : 2);

/** Ranges of rows of a matrix in compressed storage, of at most `most` rows or 256. */
export const frozenRanges = (rows: number, most: number): Range[] => ranges(rows, Math.max(ROWS, most), ROWS);

const wordsBefore = (matrix: FrozenMatrix, row: number): number =>
  Math.ceil((row * matrix.columns) / codesPerWord(matrix));

/** Words of codes of the rows. */
export const frozenWords = ({ matrix, count }: FrozenRows): number => wordsBefore(matrix, count);

/** What kernels read of them. */
export function partsOf({ matrix, first, count }: FrozenRows): { codes: TensorPart; scales: TensorPart } {
  const begin = wordsBefore(matrix, first);
  const codes = { whole: matrix.codes, first: begin, size: wordsBefore(matrix, first + count) - begin };
  const hasScales = matrix.storage === 'int8';
  const [from, size] = hasScales ? [first, count] : [0, 0];
  return { codes, scales: { whole: matrix.scales, first: from, size } };
}
