import { blockRowBytes, isBlocks, widenGroups } from './blocks';
import { half, halves } from './half';
import { argI, argP, rangeStart, scratchA, scratchUser } from './layout';
import { packB } from './pack';
import { KC, roundUp8 } from './product';

// Frozen matrices in bfloat16 or float16, in int8 with a float32 scale for each stored row, or in GGML's blocks, widened
// while they are used.

/** Kinds of storage, as in src/compressed-matrix.ts; those of blocks.ts come after. */
export const BFLOAT16: i32 = 1;
export const INT8: i32 = 2;
export const FLOAT16: i32 = 3;

// @ts-ignore: decorator
@inline
export function lowBfloat16(v: v128): v128 {
  return v128.shuffle<i16>(i32x4.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
export function highBfloat16(v: v128): v128 {
  return v128.shuffle<i16>(i32x4.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
export function lowFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words));
}

// @ts-ignore: decorator
@inline
export function highFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words));
}

/** log2 of the bytes of a value that is not in blocks. */
// @ts-ignore: decorator
@inline
function shiftOf(kind: i32): usize {
  return kind == INT8 ? 0 : 1;
}

// @ts-ignore: decorator
@inline
export function scaleOf(scales: usize, row: i32, kind: i32): f32 {
  return kind == INT8 ? load<f32>(scales + (<usize>row << 2)) : 1;
}

/** Bytes of `columns` values of a row. */
// @ts-ignore: decorator
@inline
export function bytesOf(columns: i32, kind: i32): usize {
  return isBlocks(kind) ? blockRowBytes(kind, columns) : <usize>columns << shiftOf(kind);
}

// @ts-ignore: decorator
@inline
function widen8(to: usize, from: usize, kind: i32, scale: f32): void {
  if (kind != INT8) {
    const v = v128.load(from);
    if (kind == BFLOAT16) {
      v128.store(to, lowBfloat16(v));
      v128.store(to, highBfloat16(v), 16);
    } else {
      v128.store(to, halves(i32x4.extend_low_i16x8_u(v)));
      v128.store(to, halves(i32x4.extend_high_i16x8_u(v)), 16);
    }
    return;
  }
  const words = i16x8.extend_low_i8x16_s(v128.load64_zero(from));
  v128.store(to, f32x4.mul(lowFloats(words), f32x4.splat(scale)));
  v128.store(to, f32x4.mul(highFloats(words), f32x4.splat(scale)), 16);
}

/** One value. */
function widen1(from: usize, kind: i32, scale: f32): f32 {
  if (kind == INT8) return <f32>load<i8>(from) * scale;
  if (kind == BFLOAT16) return reinterpret<f32>(<u32>load<u16>(from) << 16);
  return half(from);
}

/** n values of the row at `row` as float32, from column `first` on; in blocks both are multiples of 32. */
export function widenRow(to: usize, row: usize, first: i32, n: i32, kind: i32, scale: f32): void {
  if (isBlocks(kind)) return widenGroups(to, row, first >> 5, n, kind);
  const shift = shiftOf(kind);
  let from = row + (<usize>first << shift);
  let i = 0;
  for (; i + 8 <= n; i += 8, to += 32, from += <usize>8 << shift) widen8(to, from, kind, scale);
  for (; i < n; i++, to += 4, from += <usize>1 << shift) store<f32>(to, widen1(from, kind, scale));
}

/** args: values, scales, kind, out, rows, columns. A chunk is a range of rows. */
export function widenChunk(chunk: i32, chunks: i32): void {
  const kind = argI(2);
  const columns = argI(5);
  const bytes = bytesOf(columns, kind);
  const to = rangeStart(argI(4), chunk + 1, chunks, 1);
  for (let row = rangeStart(argI(4), chunk, chunks, 1); row < to; row++) {
    const out = argP(3) + ((<usize>row * <usize>columns) << 2);
    widenRow(out, argP(0) + <usize>row * bytes, 0, columns, kind, scaleOf(argP(1), row, kind));
  }
}

/** args: values, scales, kind, ids, out, n, columns: rows by number. A chunk is a range of ids. */
export function gatherCompressedChunk(chunk: i32, chunks: i32): void {
  const kind = argI(2);
  const columns = argI(6);
  const bytes = bytesOf(columns, kind);
  const to = rangeStart(argI(5), chunk + 1, chunks, 1);
  for (let i = rangeStart(argI(5), chunk, chunks, 1); i < to; i++) {
    const row = load<i32>(argP(3) + (<usize>i << 2));
    const out = argP(4) + ((<usize>i * <usize>columns) << 2);
    widenRow(out, argP(0) + <usize>row * bytes, 0, columns, kind, scaleOf(argP(1), row, kind));
  }
}

/**
 * args: values, scales, kind, columns, transB, k, n, packed. The layout of `packBPanels`; with transB the stored rows
 * are B's columns. A chunk packs a range of column panels for all k.
 */
export function packCompressedChunk(chunk: i32, chunks: i32): void {
  const kind = argI(2);
  const k = argI(5);
  const n = argI(6);
  const isByGroups = !argI(4) && isBlocks(kind);
  const align = isByGroups ? 32 : 8;
  const from = rangeStart(n, chunk, chunks, align);
  const to = rangeStart(n, chunk + 1, chunks, align);
  for (let p = 0; p < k; p += KC) {
    const kc = min(KC, k - p);
    const block = argP(7) + ((<usize>p * <usize>roundUp8(n)) << 2);
    for (let j = from; j < to; j += align) {
      const panel = block + (<usize>(j * kc) << 2);
      if (argI(4)) packRows(panel, p, j, kc, min(8, to - j), kind);
      else if (isByGroups) packGroups(panel, p, j, kc, kind);
      else packColumns(panel, p, j, kc, min(8, to - j), kind);
    }
  }
}

/** Stored rows j … j+count are the panel's columns. */
function packRows(panel: usize, p: i32, j: i32, kc: i32, count: i32, kind: i32): void {
  const rows = scratchA();
  const bytes = bytesOf(argI(3), kind);
  for (let r = 0; r < count; r++) {
    const row = argP(0) + <usize>(j + r) * bytes;
    widenRow(rows + (<usize>(r * kc) << 2), row, p, kc, kind, scaleOf(argP(1), j + r, kind));
  }
  packB(panel, rows, kc, 1, 0, 0, kc, count);
}

/** Columns j … j+count of stored rows p … p+kc. */
function packColumns(panel: usize, p: i32, j: i32, kc: i32, count: i32, kind: i32): void {
  const pitch = bytesOf(argI(3), kind);
  let row = argP(0) + <usize>p * pitch;
  for (let k = 0; k < kc; k++, panel += 32, row += pitch) {
    const scale = scaleOf(argP(1), p + k, kind);
    if (count < 8) memory.fill(panel, 0, 32);
    widenRow(panel, row, j, count, kind, scale);
  }
}

/** Columns j … j+32 of stored rows p … p+kc: four panels, because a group's scales are read once for all of it. */
function packGroups(panel: usize, p: i32, j: i32, kc: i32, kind: i32): void {
  const pitch = bytesOf(argI(3), kind);
  const panelBytes = <usize>kc << 5;
  const group = scratchUser();
  let row = argP(0) + <usize>p * pitch;
  for (let k = 0; k < kc; k++, panel += 32, row += pitch) {
    widenGroups(group, row, j >> 5, 32, kind);
    let to = panel;
    for (let at: usize = 0; at < 128; at += 32, to += panelBytes) {
      v128.store(to, v128.load(group + at));
      v128.store(to, v128.load(group + at, 16), 16);
    }
  }
}
