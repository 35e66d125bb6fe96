import { decodeFloat16, ShapeMismatchError } from '@moect/core';
import { BLOCK_FORMATS, type BlockStorage, rowBytes } from './block-formats.ts';

/** A matrix of rows × columns in blocks. */
export interface BlockValues {
  readonly storage: BlockStorage;
  /** GGML's blocks exactly as in a file, row after row. */
  readonly codes: Uint8Array;
  readonly rows: number;
  /** A multiple of the values of a block. */
  readonly columns: number;
}

const { fround } = Math;

/** Reads one block at `at` and writes its values from `to` on. */
type WidenBlock = (block: Block, at: number, values: Float32Array, to: number) => void;

/** Numbers at any byte of the codes. */
interface Block {
  readonly codes: Uint8Array;
  readonly view: DataView;
}

const halfBits = new Uint16Array(1);
const halfValue = new Float32Array(1);

function half({ view }: Block, at: number): number {
  halfBits[0] = view.getUint16(at, true);
  return decodeFloat16(halfBits, halfValue)[0]!;
}

/** Blocks of 32 values of four bits, with a fifth bit in a word before them; the code is q − `offset`, or q with a minimum. */
const smallBlock =
  (hasMinimum: boolean, hasHighBits: boolean, offset: number): WidenBlock =>
  (block, at, values, to) => {
    const scale = half(block, at);
    const minimum = hasMinimum ? half(block, at + 2) : 0;
    const bitsAt = at + (hasMinimum ? 4 : 2);
    const bits = hasHighBits ? block.view.getUint32(bitsAt, true) : 0;
    const codesAt = bitsAt + (hasHighBits ? 4 : 0);
    for (let i = 0; i < 32; i++) {
      const low = (block.codes[codesAt + (i & 15)]! >> (i < 16 ? 0 : 4)) & 15;
      const q = (low | (((bits >>> i) & 1) << 4)) - offset;
      // products and sums are rounded one by one, as GGML's reference does
      values[to + i] = hasMinimum ? fround(fround(scale * q) + minimum) : scale * q;
    }
  };

const widenQ8: WidenBlock = (block, at, values, to) => {
  const scale = half(block, at);
  for (let i = 0; i < 32; i++) values[to + i] = scale * block.view.getInt8(at + 2 + i);
};

/** The six-bit scale and minimum of sub-block `i` of Q4_K and Q5_K, whose twelve bytes begin at `at`. */
function subScales({ codes }: Block, at: number, i: number): readonly [scale: number, minimum: number] {
  if (i < 4) return [codes[at + i]! & 63, codes[at + 4 + i]! & 63];
  const high = codes[at + 4 + i]!;
  const [scale, minimum] = [codes[at + i - 4]! >> 6, codes[at + i]! >> 6];
  return [(high & 15) | (scale << 4), (high >> 4) | (minimum << 4)];
}

/** Q4_K and Q5_K: eight sub-blocks of 32 values. */
const superBlock =
  (hasHighBits: boolean): WidenBlock =>
  (block, at, values, to) => {
    const { codes } = block;
    const [scale, minimum] = [half(block, at), half(block, at + 2)];
    const bitsAt = at + 16;
    const codesAt = bitsAt + (hasHighBits ? 32 : 0);
    for (let sub = 0; sub < 8; sub++) {
      const [subScale, subMinimum] = subScales(block, at + 4, sub);
      const [d, m] = [fround(scale * subScale), fround(minimum * subMinimum)];
      for (let i = 0; i < 32; i++) {
        const low = (codes[codesAt + (sub >> 1) * 32 + i]! >> (sub & 1 ? 4 : 0)) & 15;
        const high = hasHighBits ? ((codes[bitsAt + i]! >> sub) & 1) << 4 : 0;
        values[to + sub * 32 + i] = fround(d * (low | high)) - m;
      }
    }
  };

/** Q6_K: four low bits, two high bits, a signed scale for each 16 values. */
const widenQ6K: WidenBlock = (block, at, values, to) => {
  const { codes, view } = block;
  const scale = half(block, at + 208);
  for (let i = 0; i < 256; i++) {
    const [part, quarter, place] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = codes[at + part * 64 + (quarter & 1) * 32 + place]! >> (quarter < 2 ? 0 : 4);
    const high = codes[at + 128 + part * 32 + place]! >> (2 * quarter);
    const q = ((low & 15) | ((high & 3) << 4)) - 32;
    values[to + i] = fround(scale * view.getInt8(at + 192 + (i >> 4))) * q;
  }
};

const WIDEN: Readonly<Record<BlockStorage, WidenBlock>> = {
  float16: (block, at, values, to) => {
    values[to] = half(block, at);
  },
  q8_0: widenQ8,
  q4_0: smallBlock(false, false, 8),
  q4_1: smallBlock(true, false, 0),
  q5_0: smallBlock(false, true, 16),
  q5_1: smallBlock(true, true, 0),
  q4_k: superBlock(false),
  q5_k: superBlock(true),
  q6_k: widenQ6K,
};

/** An upper bound of the magnitude of all values; infinite or NaN where a scale is. */
export function largestOfBlocks({ storage, codes }: BlockValues): number {
  const { bytes, factors } = BLOCK_FORMATS[storage];
  const block = { codes, view: new DataView(codes.buffer, codes.byteOffset, codes.byteLength) };
  let largest = 0;
  for (let at = 0; at < codes.length; at += bytes) {
    let bound = 0;
    for (const factor of factors) bound += Math.abs(half(block, at + factor.at)) * factor.most;
    if (!(bound <= largest)) largest = bound;
  }
  return largest;
}

/** @throws ShapeMismatchError if columns are no whole blocks, or the codes have another length than the rows */
export function checkBlocks({ storage, codes, rows, columns }: BlockValues): void {
  const { values } = BLOCK_FORMATS[storage];
  if (columns % values !== 0) {
    throw new ShapeMismatchError(
      `a matrix in ${storage}`,
      [rows, columns],
      `columns in whole blocks of ${values}`,
      'Keep this matrix in another storage.',
    );
  }
  const bytes = rows * rowBytes(storage, columns);
  if (codes.length === bytes) return;
  throw new ShapeMismatchError(
    `codes of a ${rows} × ${columns} matrix in ${storage}`,
    [codes.length],
    `[${bytes}]`,
    'Pass the bytes of all rows, and nothing else.',
  );
}

/**
 * The values of blocks, bit for bit those of `dequantize_row_*` in ggml-quants.c and of `gguf.quants.dequantize`.
 * @throws ShapeMismatchError, see `checkBlocks`
 */
export function widenBlocks(blocks: BlockValues): Float32Array {
  checkBlocks(blocks);
  const { storage, codes, rows, columns } = blocks;
  const { values: perBlock, bytes } = BLOCK_FORMATS[storage];
  const block = { codes, view: new DataView(codes.buffer, codes.byteOffset, codes.byteLength) };
  const values = new Float32Array(rows * columns);
  const widen = WIDEN[storage];
  for (let at = 0, to = 0; at < codes.length; at += bytes, to += perBlock) widen(block, at, values, to);
  return values;
}
