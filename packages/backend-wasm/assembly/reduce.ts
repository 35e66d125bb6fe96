import { storeTail } from './lanes';
import { argF, argI, argP, rangeStart } from './layout';

// Every row and every column is reduced in one fixed order by one chunk. Sums go through float32 in blocks
// and through float64 between blocks, so that long sums lose nothing.

export const SUM: i32 = 0;
export const MAX: i32 = 1;
export const MIN: i32 = 2;
export const PROD: i32 = 3;

export const BLOCK: i32 = 2048;

// @ts-ignore: decorator
@inline
function combine(kind: i32, a: v128, b: v128): v128 {
  if (kind == SUM) return f32x4.add(a, b);
  if (kind == MAX) return f32x4.max(a, b);
  if (kind == MIN) return f32x4.min(a, b);
  return f32x4.mul(a, b);
}

// @ts-ignore: decorator
@inline
function neutral(kind: i32): f32 {
  if (kind == SUM) return 0;
  if (kind == MAX) return -Infinity;
  if (kind == MIN) return Infinity;
  return 1;
}

// @ts-ignore: decorator
@inline
function combineScalar(kind: i32, a: f32, b: f32): f32 {
  if (kind == SUM) return a + b;
  if (kind == MAX) return max(a, b);
  if (kind == MIN) return min(a, b);
  return a * b;
}

/** Reduces at most BLOCK floats. */
// @ts-ignore: decorator
@inline
function reduceBlock(kind: i32, x: usize, n: i32): f32 {
  const start = f32x4.splat(neutral(kind));
  let s0 = start, s1 = start, s2 = start, s3 = start;
  let i = 0;
  for (; i + 16 <= n; i += 16, x += 64) {
    s0 = combine(kind, s0, v128.load(x));
    s1 = combine(kind, s1, v128.load(x, 16));
    s2 = combine(kind, s2, v128.load(x, 32));
    s3 = combine(kind, s3, v128.load(x, 48));
  }
  for (; i + 4 <= n; i += 4, x += 16) s0 = combine(kind, s0, v128.load(x));
  const v = combine(kind, combine(kind, s0, s1), combine(kind, s2, s3));
  let result = combineScalar(
    kind,
    combineScalar(kind, f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    combineScalar(kind, f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
  for (; i < n; i++, x += 4) result = combineScalar(kind, result, load<f32>(x));
  return result;
}

/** One row. */
// @ts-ignore: decorator
@inline
export function reduceRow(kind: i32, x: usize, n: i32): f32 {
  if (n <= BLOCK) return reduceBlock(kind, x, n);
  if (kind == SUM) {
    let total: f64 = 0;
    for (let i = 0; i < n; i += BLOCK) total += reduceBlock(kind, x + (<usize>i << 2), min(BLOCK, n - i));
    return <f32>total;
  }
  let result = neutral(kind);
  for (let i = 0; i < n; i += BLOCK) {
    result = combineScalar(kind, result, reduceBlock(kind, x + (<usize>i << 2), min(BLOCK, n - i)));
  }
  return result;
}

/** args: x [rows, n], out [rows], rows, n, kind, scale. */
export function reduceRowsChunk(chunk: i32, chunks: i32): void {
  const rows = argI(2);
  const n = argI(3);
  const kind = argI(4);
  const scale = argF(5);
  const end = rangeStart(rows, chunk + 1, chunks, 1);
  for (let r = rangeStart(rows, chunk, chunks, 1); r < end; r++) {
    const x = argP(0) + ((<usize>r * <usize>n) << 2);
    let value: f32 = 0;
    if (kind == SUM) value = reduceRow(SUM, x, n) * scale;
    else if (kind == MAX) value = reduceRow(MAX, x, n);
    else if (kind == MIN) value = reduceRow(MIN, x, n);
    else value = reduceRow(PROD, x, n);
    store<f32>(argP(1) + (<usize>r << 2), value);
  }
}

/** Rows that are added up in float32 before they go to float64. */
const ROWS: i32 = 64;

/** Sums of 16 columns (4 vectors) of n rows. */
function sumColumns16(x: usize, out: usize, n: i32, rowBytes: usize, scale: f32): void {
  let d0 = f64x2.splat(0), d1 = d0, d2 = d0, d3 = d0, d4 = d0, d5 = d0, d6 = d0, d7 = d0;
  for (let r = 0; r < n; r += ROWS) {
    const rows = min(ROWS, n - r);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let i = 0; i < rows; i++, x += rowBytes) {
      s0 = f32x4.add(s0, v128.load(x));
      s1 = f32x4.add(s1, v128.load(x, 16));
      s2 = f32x4.add(s2, v128.load(x, 32));
      s3 = f32x4.add(s3, v128.load(x, 48));
    }
    d0 = f64x2.add(d0, f64x2.promote_low_f32x4(s0));
    d1 = f64x2.add(d1, f64x2.promote_low_f32x4(high(s0)));
    d2 = f64x2.add(d2, f64x2.promote_low_f32x4(s1));
    d3 = f64x2.add(d3, f64x2.promote_low_f32x4(high(s1)));
    d4 = f64x2.add(d4, f64x2.promote_low_f32x4(s2));
    d5 = f64x2.add(d5, f64x2.promote_low_f32x4(high(s2)));
    d6 = f64x2.add(d6, f64x2.promote_low_f32x4(s3));
    d7 = f64x2.add(d7, f64x2.promote_low_f32x4(high(s3)));
  }
  const v = f32x4.splat(scale);
  v128.store(out, f32x4.mul(join(d0, d1), v));
  v128.store(out, f32x4.mul(join(d2, d3), v), 16);
  v128.store(out, f32x4.mul(join(d4, d5), v), 32);
  v128.store(out, f32x4.mul(join(d6, d7), v), 48);
}

// @ts-ignore: decorator
@inline
function high(v: v128): v128 {
  return v128.shuffle<f64>(v, v, 1, 1);
}

// @ts-ignore: decorator
@inline
function join(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

/** Sums of 1 … 4 columns; lane for lane the same order as sumColumns16. */
function sumColumns4(x: usize, out: usize, n: i32, rowBytes: usize, scale: f32, columns: i32): void {
  let d0 = f64x2.splat(0), d1 = d0;
  for (let r = 0; r < n; r += ROWS) {
    const rows = min(ROWS, n - r);
    let s = f32x4.splat(0);
    for (let i = 0; i < rows; i++, x += rowBytes) s = f32x4.add(s, v128.load(x));
    d0 = f64x2.add(d0, f64x2.promote_low_f32x4(s));
    d1 = f64x2.add(d1, f64x2.promote_low_f32x4(high(s)));
  }
  put(out, f32x4.mul(join(d0, d1), f32x4.splat(scale)), columns);
}

// @ts-ignore: decorator
@inline
function put(out: usize, v: v128, columns: i32): void {
  if (columns >= 4) v128.store(out, v);
  else storeTail(out, v, columns);
}

// @ts-ignore: decorator
@inline
function otherColumns(kind: i32, x: usize, out: usize, n: i32, rowBytes: usize, columns: i32): void {
  let s = v128.load(x);
  for (let i = 1; i < n; i++) {
    x += rowBytes;
    s = combine(kind, s, v128.load(x));
  }
  put(out, s, columns);
}

/** args: x [outer, n, inner], out [outer, inner], outer, n, inner, kind, scale. Units: outer · ceil(inner / 16). */
export function reduceColumnsChunk(chunk: i32, chunks: i32): void {
  const n = argI(3);
  const inner = argI(4);
  const kind = argI(5);
  const scale = argF(6);
  const groups = (inner + 15) / 16;
  const units = argI(2) * groups;
  const rowBytes = <usize>inner << 2;
  const end = rangeStart(units, chunk + 1, chunks, 1);
  for (let unit = rangeStart(units, chunk, chunks, 1); unit < end; unit++) {
    const o = unit / groups;
    const column = (unit - o * groups) * 16;
    const x = argP(0) + <usize>o * <usize>n * rowBytes + (<usize>column << 2);
    const out = argP(1) + <usize>o * rowBytes + (<usize>column << 2);
    const columns = min(16, inner - column);
    if (kind == SUM && columns == 16) {
      sumColumns16(x, out, n, rowBytes, scale);
      continue;
    }
    for (let c = 0; c < columns; c += 4) {
      const from = x + (<usize>c << 2);
      const to = out + (<usize>c << 2);
      if (kind == SUM) sumColumns4(from, to, n, rowBytes, scale, columns - c);
      else if (kind == MAX) otherColumns(MAX, from, to, n, rowBytes, columns - c);
      else if (kind == MIN) otherColumns(MIN, from, to, n, rowBytes, columns - c);
      else otherColumns(PROD, from, to, n, rowBytes, columns - c);
    }
  }
}
