import { argI, argP, rangeStart, scratchA, scratchB } from '../layout';
import { MR } from '../micro-kernel';
import { packA, packB, packBPanels } from '../pack';
import { blockProduct, KC, MC, NC, productWithPackedB, roundUp8 } from '../product';
import { addScaled, dot, scaleRow } from './math';

/** Rows of one unit of a grouped product; weights' rows of one unit of its gradient. */
const ROWS: i32 = 24;

// @ts-ignore: decorator
@inline
function offset(offsets: usize, expert: i32): i32 {
  return load<i32>(offsets + (<usize>expert << 2));
}

/**
 * Packs the right side of every expert that has rows.
 * args: source, packed, offsets, experts, k, n, trans, ragged. ragged 0: source is [experts][k, n] or its
 * transpose; ragged 1: source is [rows, n] and k is each expert's number of rows. A unit is 8 columns.
 */
export function groupedPackChunk(chunk: i32, chunks: i32): void {
  const offsets = argP(2);
  const n = argI(5);
  const trans = argI(6);
  const ragged = argI(7);
  const panels = roundUp8(n) >> 3;
  const units = argI(3) * panels;
  let unit = rangeStart(units, chunk, chunks, 1);
  const to = rangeStart(units, chunk + 1, chunks, 1);
  while (unit < to) {
    const expert = unit / panels;
    const first = unit - expert * panels;
    const last = min(panels, first + (to - unit));
    unit += last - first;
    const row = offset(offsets, expert);
    const rows = offset(offsets, expert + 1) - row;
    if (rows == 0) continue;
    const k = ragged ? rows : argI(4);
    const before = <usize>(ragged ? row : expert * argI(4));
    const source = argP(0) + ((before * <usize>n) << 2);
    const packed = argP(1) + ((before * <usize>roundUp8(n)) << 2);
    packBPanels(packed, source, trans ? k : n, trans, k, n, first << 3, min(n, last << 3), KC);
  }
}

/** Units of all experts' rows. */
function countUnits(offsets: usize, experts: i32): i32 {
  let units = 0;
  for (let e = 0; e < experts; e++) units += (offset(offsets, e + 1) - offset(offsets, e) + ROWS - 1) / ROWS;
  return units;
}

/**
 * c[r] = a[r] times the right side of r's expert. args: a, packed, c, offsets, experts, k, n.
 * A unit is up to 24 rows of one expert.
 */
export function groupedProductChunk(chunk: i32, chunks: i32): void {
  const offsets = argP(3);
  const k = argI(5);
  const n = argI(6);
  const units = countUnits(offsets, argI(4));
  const to = rangeStart(units, chunk + 1, chunks, 1);
  let unit = rangeStart(units, chunk, chunks, 1);
  let before = 0;
  for (let expert = 0; expert < argI(4) && unit < to; expert++) {
    const first = offset(offsets, expert);
    const end = offset(offsets, expert + 1);
    const blocks = (end - first + ROWS - 1) / ROWS;
    const packed = argP(1) + ((<usize>expert * <usize>k * <usize>roundUp8(n)) << 2);
    const last = min(to, before + blocks);
    if (unit < last) {
      const row = first + (unit - before) * ROWS;
      const rows = min((last - unit) * ROWS, end - row);
      const a = argP(0) + ((<usize>row * <usize>k) << 2);
      const c = argP(2) + ((<usize>row * <usize>n) << 2);
      productWithPackedB(a, k, 0, packed, roundUp8(n), 0, c, n, rows, n, k, 0);
      unit = last;
    }
    before += blocks;
  }
}

/**
 * c[rows, n] = a[rows, k] times w[k, n] or its transpose. Rows are cut evenly, because experts have few of them and each
 * block goes through all of w; the fewer products, the more columns of w lie in this thread's scratch.
 */
function wholeProduct(a: usize, w: usize, trans: i32, c: usize, rows: i32, n: i32, k: i32): void {
  const blocks = (rows + MC - 1) / MC;
  const height = ((rows + blocks * MR - 1) / (blocks * MR)) * MR;
  for (let p = 0; p < k; p += KC) {
    const kc = min(KC, k - p);
    const width = ((NC * KC) / kc) & ~7;
    for (let j = 0; j < n; j += width) {
      const nc = min(width, n - j);
      packB(scratchB(), w, trans ? k : n, trans, p, j, kc, nc);
      for (let i = 0; i < rows; i += height) {
        const mc = min(height, rows - i);
        packA(scratchA(), a, k, 0, i, p, mc, kc);
        const at = c + ((<usize>i * <usize>n + <usize>j) << 2);
        blockProduct(scratchA(), scratchB(), at, n, mc, nc, kc, p > 0 ? 1 : 0);
      }
    }
  }
}

/**
 * As groupedProductChunk, each expert's right side packed by the thread that needs it, block by block, where it stays in
 * the cache. args: a, w, c, offsets, experts, k, n, trans. A unit is one expert.
 */
export function groupedWholeChunk(chunk: i32, chunks: i32): void {
  const offsets = argP(3);
  const k = argI(5);
  const n = argI(6);
  const trans = argI(7);
  const to = rangeStart(argI(4), chunk + 1, chunks, 1);
  for (let expert = rangeStart(argI(4), chunk, chunks, 1); expert < to; expert++) {
    const first = offset(offsets, expert);
    const rows = offset(offsets, expert + 1) - first;
    if (rows == 0) continue;
    const a = argP(0) + ((<usize>first * <usize>k) << 2);
    const w = argP(1) + ((<usize>expert * <usize>k * <usize>n) << 2);
    const c = argP(2) + ((<usize>first * <usize>n) << 2);
    wholeProduct(a, w, trans, c, rows, n, k);
  }
}

/**
 * dw[e] = sum over e's rows of dy[r] x[r]^T. args: dy, packedX, dw, offsets, experts, out, in.
 * A unit is up to 24 rows of one expert's dw.
 */
export function groupedGradWeightChunk(chunk: i32, chunks: i32): void {
  const offsets = argP(3);
  const m = argI(5);
  const n = argI(6);
  const blocks = (m + ROWS - 1) / ROWS;
  const units = argI(4) * blocks;
  const to = rangeStart(units, chunk + 1, chunks, 1);
  let unit = rangeStart(units, chunk, chunks, 1);
  while (unit < to) {
    const expert = unit / blocks;
    const i = (unit - expert * blocks) * ROWS;
    const last = min(to, (expert + 1) * blocks);
    const rows = min((last - unit) * ROWS, m - i);
    unit = last;
    const first = offset(offsets, expert);
    const k = offset(offsets, expert + 1) - first;
    const c = argP(2) + (((<usize>expert * <usize>m + <usize>i) * <usize>n) << 2);
    if (k == 0) {
      memory.fill(c, 0, (<usize>rows * <usize>n) << 2);
      continue;
    }
    const a = argP(0) + ((<usize>first * <usize>m + <usize>i) << 2);
    const packed = argP(1) + ((<usize>first * <usize>roundUp8(n)) << 2);
    productWithPackedB(a, m, 1, packed, roundUp8(n), 0, c, n, rows, n, k, 0);
  }
}

/**
 * Few rows: no packing, each weight is read once per row. args: x, w, y, offsets, experts, in, out,
 * transposeW, rows. A unit is one output column of all rows, or with transposeW one row.
 */
export function groupedDirectChunk(chunk: i32, chunks: i32): void {
  const units = argI(7) ? argI(8) : argI(6);
  const from = rangeStart(units, chunk, chunks, 1);
  const to = rangeStart(units, chunk + 1, chunks, 1);
  for (let expert = 0; expert < argI(4); expert++) {
    const end = offset(argP(3), expert + 1);
    for (let row = offset(argP(3), expert); row < end; row++) {
      if (!argI(7)) directColumns(expert, row, from, to);
      else if (row >= from && row < to) directRow(expert, row);
    }
  }
}

function directColumns(expert: i32, row: i32, from: i32, to: i32): void {
  const n = argI(5);
  const m = argI(6);
  const x = argP(0) + ((<usize>row * <usize>n) << 2);
  const y = argP(2) + ((<usize>row * <usize>m) << 2);
  const w = argP(1) + ((<usize>expert * <usize>m * <usize>n) << 2);
  for (let i = from; i < to; i++) {
    store<f32>(y + (<usize>i << 2), dot(w + ((<usize>i * <usize>n) << 2), x, n));
  }
}

function directRow(expert: i32, row: i32): void {
  const n = argI(5);
  const m = argI(6);
  const x = argP(0) + ((<usize>row * <usize>m) << 2);
  const y = argP(2) + ((<usize>row * <usize>n) << 2);
  const w = argP(1) + ((<usize>expert * <usize>m * <usize>n) << 2);
  if (m == 0) memory.fill(y, 0, (<usize>n) << 2);
  for (let i = 0; i < m; i++) {
    const from = w + ((<usize>i * <usize>n) << 2);
    const factor = load<f32>(x + (<usize>i << 2));
    if (i == 0) scaleRow(y, from, factor, n);
    else addScaled(y, from, factor, n);
  }
}
