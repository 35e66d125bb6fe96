import { laneSum, madd } from './lanes';
import { argI, argP, rangeStart, scratchA } from './layout';
import { packB } from './pack';
import { KC, roundUp8 } from './product';

// Frozen matrices in bfloat16, or in int8 with a float32 scale for each stored row, widened while they are used.
// The kind is 1 for bfloat16, 2 for int8, as in src/compressed-matrix.ts.

// @ts-ignore: decorator
@inline
function lowBfloat16(v: v128): v128 {
  return v128.shuffle<i16>(i32x4.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function highBfloat16(v: v128): v128 {
  return v128.shuffle<i16>(i32x4.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function lowFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words));
}

// @ts-ignore: decorator
@inline
function highFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words));
}

/** log2 of the bytes of a value. */
// @ts-ignore: decorator
@inline
function shiftOf(kind: i32): usize {
  return kind == 1 ? 1 : 0;
}

// @ts-ignore: decorator
@inline
function scaleOf(scales: usize, row: i32, kind: i32): f32 {
  return kind == 1 ? 1 : load<f32>(scales + (<usize>row << 2));
}

// @ts-ignore: decorator
@inline
function widen8(to: usize, from: usize, kind: i32, scale: f32): void {
  if (kind == 1) {
    const v = v128.load(from);
    v128.store(to, lowBfloat16(v));
    v128.store(to, highBfloat16(v), 16);
    return;
  }
  const words = i16x8.extend_low_i8x16_s(v128.load64_zero(from));
  v128.store(to, f32x4.mul(lowFloats(words), f32x4.splat(scale)));
  v128.store(to, f32x4.mul(highFloats(words), f32x4.splat(scale)), 16);
}

/** n values of one row as float32. */
function widenRow(to: usize, from: usize, n: i32, kind: i32, scale: f32): void {
  const bytes = <usize>8 << shiftOf(kind);
  let i = 0;
  for (; i + 8 <= n; i += 8, to += 32, from += bytes) widen8(to, from, kind, scale);
  for (; i < n; i++, to += 4) {
    if (kind == 1) {
      store<u32>(to, <u32>load<u16>(from) << 16);
      from += 2;
    } else {
      store<f32>(to, <f32>load<i8>(from) * scale);
      from += 1;
    }
  }
}

/** args: values, scales, kind, out, rows, columns. A chunk is a range of rows. */
export function widenChunk(chunk: i32, chunks: i32): void {
  const kind = argI(2);
  const columns = argI(5);
  const to = rangeStart(argI(4), chunk + 1, chunks, 1);
  for (let row = rangeStart(argI(4), chunk, chunks, 1); row < to; row++) {
    const at = <usize>row * <usize>columns;
    widenRow(argP(3) + (at << 2), argP(0) + (at << shiftOf(kind)), columns, kind, scaleOf(argP(1), row, kind));
  }
}

/** args: values, scales, kind, ids, out, n, columns: rows by number. A chunk is a range of ids. */
export function gatherCompressedChunk(chunk: i32, chunks: i32): void {
  const kind = argI(2);
  const columns = argI(6);
  const to = rangeStart(argI(5), chunk + 1, chunks, 1);
  for (let i = rangeStart(argI(5), chunk, chunks, 1); i < to; i++) {
    const row = load<i32>(argP(3) + (<usize>i << 2));
    const from = argP(0) + ((<usize>row * <usize>columns) << shiftOf(kind));
    widenRow(argP(4) + ((<usize>i * <usize>columns) << 2), from, columns, kind, scaleOf(argP(1), row, kind));
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
  const from = rangeStart(n, chunk, chunks, 8);
  const to = rangeStart(n, chunk + 1, chunks, 8);
  for (let p = 0; p < k; p += KC) {
    const kc = min(KC, k - p);
    const block = argP(7) + ((<usize>p * <usize>roundUp8(n)) << 2);
    for (let j = from; j < to; j += 8) {
      const panel = block + (<usize>(j * kc) << 2);
      if (argI(4)) packRows(panel, p, j, kc, min(8, to - j), kind);
      else packColumns(panel, p, j, kc, min(8, to - j), kind);
    }
  }
}

/** Stored rows j … j+count are the panel's columns. */
function packRows(panel: usize, p: i32, j: i32, kc: i32, count: i32, kind: i32): void {
  const rows = scratchA();
  for (let r = 0; r < count; r++) {
    const from = argP(0) + ((<usize>(j + r) * <usize>argI(3) + <usize>p) << shiftOf(kind));
    widenRow(rows + (<usize>(r * kc) << 2), from, kc, kind, scaleOf(argP(1), j + r, kind));
  }
  packB(panel, rows, kc, 1, 0, 0, kc, count);
}

/** Columns j … j+count of stored rows p … p+kc. */
function packColumns(panel: usize, p: i32, j: i32, kc: i32, count: i32, kind: i32): void {
  const shift = shiftOf(kind);
  const pitch = <usize>argI(3) << shift;
  let from = argP(0) + <usize>p * pitch + (<usize>j << shift);
  for (let k = 0; k < kc; k++, panel += 32, from += pitch) {
    const scale = scaleOf(argP(1), p + k, kind);
    if (count == 8) widen8(panel, from, kind, scale);
    else {
      memory.fill(panel, 0, 32);
      widenRow(panel, from, count, kind, scale);
    }
  }
}

function dotBfloat16(a: usize, b: usize, k: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= k; i += 16, a += 64, b += 32) {
    const low = v128.load(b), high = v128.load(b, 16);
    s0 = madd(v128.load(a), lowBfloat16(low), s0);
    s1 = madd(v128.load(a, 16), highBfloat16(low), s1);
    s2 = madd(v128.load(a, 32), lowBfloat16(high), s2);
    s3 = madd(v128.load(a, 48), highBfloat16(high), s3);
  }
  let sum = laneSum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < k; i++, a += 4, b += 2) sum += load<f32>(a) * reinterpret<f32>(<u32>load<u16>(b) << 16);
  return sum;
}

function dotInt8(a: usize, b: usize, k: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= k; i += 16, a += 64, b += 16) {
    const v = v128.load(b);
    const low = i16x8.extend_low_i8x16_s(v), high = i16x8.extend_high_i8x16_s(v);
    s0 = madd(v128.load(a), lowFloats(low), s0);
    s1 = madd(v128.load(a, 16), highFloats(low), s1);
    s2 = madd(v128.load(a, 32), lowFloats(high), s2);
    s3 = madd(v128.load(a, 48), highFloats(high), s3);
  }
  let sum = laneSum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < k; i++, a += 4, b += 1) sum += load<f32>(a) * <f32>load<i8>(b);
  return sum;
}

/** args: a [m, k], values [n, k], scales, kind, c [m, n], m, n, k: few rows. A chunk is a range of columns of C. */
export function directCompressedChunk(chunk: i32, chunks: i32): void {
  const kind = argI(3);
  const m = argI(5);
  const n = argI(6);
  const k = argI(7);
  const to = rangeStart(n, chunk + 1, chunks, 16);
  for (let j = rangeStart(n, chunk, chunks, 16); j < to; j++) {
    const b = argP(1) + ((<usize>j * <usize>k) << shiftOf(kind));
    for (let i = 0; i < m; i++) {
      const a = argP(0) + ((<usize>i * <usize>k) << 2);
      const c = argP(4) + ((<usize>i * <usize>n + <usize>j) << 2);
      store<f32>(c, kind == 1 ? dotBfloat16(a, b, k) : dotInt8(a, b, k) * scaleOf(argP(2), j, kind));
    }
  }
}
