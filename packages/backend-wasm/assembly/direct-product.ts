import { laneSum, madd, storeTail } from './lanes';
import { argI, argP, rangeStart } from './layout';

// Products of a few rows (generation: one token at a time) are bound by reading B once; packing would read it twice.

// @ts-ignore: decorator
@inline
export function dot(a: usize, b: usize, k: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= k; i += 16, a += 64, b += 64) {
    s0 = madd(v128.load(a), v128.load(b), s0);
    s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
    s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
    s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
  }
  for (; i + 4 <= k; i += 4, a += 16, b += 16) s0 = madd(v128.load(a), v128.load(b), s0);
  let sum = laneSum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < k; i++, a += 4, b += 4) sum += load<f32>(a) * load<f32>(b);
  return sum;
}

/** C[i, j … j+16] for one row of A. */
function columns16(a: usize, b: usize, rowBytes: usize, c: usize, k: i32): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let p = 0; p < k; p++, a += 4, b += rowBytes) {
    const x = v128.load32_splat(a);
    s0 = madd(x, v128.load(b), s0);
    s1 = madd(x, v128.load(b, 16), s1);
    s2 = madd(x, v128.load(b, 32), s2);
    s3 = madd(x, v128.load(b, 48), s3);
  }
  v128.store(c, s0);
  v128.store(c, s1, 16);
  v128.store(c, s2, 32);
  v128.store(c, s3, 48);
}

/** C[i, j … j+count] for one row of A, count 1 … 4. */
function columns4(a: usize, b: usize, rowBytes: usize, c: usize, k: i32, count: i32): void {
  let s = f32x4.splat(0);
  for (let p = 0; p < k; p++, a += 4, b += rowBytes) s = madd(v128.load32_splat(a), v128.load(b), s);
  if (count == 4) v128.store(c, s);
  else storeTail(c, s, count);
}

/** args: a [m, k], b, transB, c [m, n], m, n, k; all dense. A chunk is a range of columns of C. */
export function directProductChunk(chunk: i32, chunks: i32): void {
  const m = argI(4);
  const n = argI(5);
  const k = argI(6);
  const aRow = <usize>k << 2;
  const cRow = <usize>n << 2;
  const from = rangeStart(n, chunk, chunks, 16);
  const to = rangeStart(n, chunk + 1, chunks, 16);
  if (argI(2)) {
    for (let j = from; j < to; j++) {
      const b = argP(1) + <usize>j * aRow;
      for (let i = 0; i < m; i++) {
        store<f32>(argP(3) + <usize>i * cRow + (<usize>j << 2), dot(argP(0) + <usize>i * aRow, b, k));
      }
    }
    return;
  }
  for (let j = from; j < to; ) {
    const b = argP(1) + (<usize>j << 2);
    const width = to - j >= 16 ? 16 : min(4, to - j);
    for (let i = 0; i < m; i++) {
      const a = argP(0) + <usize>i * aRow;
      const c = argP(3) + <usize>i * cRow + (<usize>j << 2);
      if (width == 16) columns16(a, b, cRow, c, k);
      else columns4(a, b, cRow, c, k, width);
    }
    j += width;
  }
}
