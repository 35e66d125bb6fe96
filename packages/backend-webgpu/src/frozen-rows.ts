import { bytesOfRow } from '@moect/kernels';
import type { FrozenMatrix } from './frozen-matrices.ts';
import { type Range, ranges, type TensorPart } from './tensor-part.ts';

/** Rows first … first + count − 1 of a matrix in compressed storage. */
export interface FrozenRows extends Range {
  readonly matrix: FrozenMatrix;
}

/** Parts begin at multiples of this many rows, where codes and scales of any storage are aligned for a binding. */
const ROWS = 256;

/** 32-bit words of codes that a row takes; not always a whole number. */
export const wordsOfRow = ({ storage, columns }: FrozenMatrix): number => bytesOfRow(storage, columns) / 4;

/** Ranges of rows of a matrix in compressed storage, each of at most max(`most`, 256) rows. */
export const frozenRanges = (rows: number, most: number): Range[] => ranges(rows, Math.max(ROWS, most), ROWS);

const wordsBefore = (matrix: FrozenMatrix, row: number): number => Math.ceil(row * wordsOfRow(matrix));

/** Number of words that hold the codes of the rows. */
export const frozenWords = ({ matrix, count }: FrozenRows): number => wordsBefore(matrix, count);

/** Codes and scales of the rows. */
export function partsOf({ matrix, first, count }: FrozenRows): { codes: TensorPart; scales: TensorPart } {
  const begin = wordsBefore(matrix, first);
  const codes = { whole: matrix.codes, first: begin, size: wordsBefore(matrix, first + count) - begin };
  const hasScales = matrix.storage === 'int8';
  const [from, size] = hasScales ? [first, count] : [0, 0];
  return { codes, scales: { whole: matrix.scales, first: from, size } };
}
