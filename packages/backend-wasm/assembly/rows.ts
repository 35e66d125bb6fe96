import { exp4, log4 } from './functions';
import { laneSum, storeTail } from './lanes';
import { argI, argP, rangeStart } from './layout';
import { BLOCK, MAX, reduceRow } from './reduce';

// Operations on rows: argmax, softmax, cumulative sums, largest elements.

/** args: x [rows, n], out (int32) [rows], rows, n. First largest element, as tfjs-backend-cpu compares. */
export function argMaxChunk(chunk: i32, chunks: i32): void {
  const rows = argI(2);
  const n = argI(3);
  const end = rangeStart(rows, chunk + 1, chunks, 1);
  for (let r = rangeStart(rows, chunk, chunks, 1); r < end; r++) {
    let x = argP(0) + ((<usize>r * <usize>n) << 2);
    let best = load<f32>(x);
    let index = 0;
    for (let i = 1; i < n; i++) {
      x += 4;
      const v = load<f32>(x);
      if (v > best) {
        best = v;
        index = i;
      }
    }
    store<i32>(argP(1) + (<usize>r << 2), index);
  }
}

/** args: x [rows, n], out, rows, n, log (1: log-softmax). */
export function softmaxChunk(chunk: i32, chunks: i32): void {
  const rows = argI(2);
  const n = argI(3);
  const log = argI(4);
  const end = rangeStart(rows, chunk + 1, chunks, 1);
  for (let r = rangeStart(rows, chunk, chunks, 1); r < end; r++) {
    const offset = (<usize>r * <usize>n) << 2;
    if (log) logSoftmaxRow(argP(0) + offset, argP(1) + offset, n);
    else softmaxRow(argP(0) + offset, argP(1) + offset, n);
  }
}

/** One instance of the inlined reduction. */
function rowMax(x: usize, n: i32): f32 {
  return reduceRow(MAX, x, n);
}

function softmaxRow(x: usize, out: usize, n: i32): void {
  const top = f32x4.splat(rowMax(x, n));
  let total: f64 = 0;
  for (let b = 0; b < n; b += BLOCK) {
    const stop = min(n, b + BLOCK);
    let sum = f32x4.splat(0);
    let i = b;
    for (; i + 4 <= stop; i += 4) {
      const e = exp4(f32x4.sub(v128.load(x + (<usize>i << 2)), top));
      sum = f32x4.add(sum, e);
      v128.store(out + (<usize>i << 2), e);
    }
    if (i < stop) {
      const e = firstLanes(exp4(f32x4.sub(v128.load(x + (<usize>i << 2)), top)), stop - i);
      sum = f32x4.add(sum, e);
      storeTail(out + (<usize>i << 2), e, stop - i);
    }
    total += laneSum(sum);
  }
  const scale = f32x4.splat(<f32>(1.0 / total));
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(out + (<usize>i << 2), f32x4.mul(v128.load(out + (<usize>i << 2)), scale));
  if (i < n) storeTail(out + (<usize>i << 2), f32x4.mul(v128.load(out + (<usize>i << 2)), scale), n - i);
}

function logSoftmaxRow(x: usize, out: usize, n: i32): void {
  const largest = rowMax(x, n);
  const top = f32x4.splat(largest);
  let total: f64 = 0;
  for (let b = 0; b < n; b += BLOCK) {
    const stop = min(n, b + BLOCK);
    let sum = f32x4.splat(0);
    let i = b;
    for (; i + 4 <= stop; i += 4) sum = f32x4.add(sum, exp4(f32x4.sub(v128.load(x + (<usize>i << 2)), top)));
    if (i < stop) sum = f32x4.add(sum, firstLanes(exp4(f32x4.sub(v128.load(x + (<usize>i << 2)), top)), stop - i));
    total += laneSum(sum);
  }
  const shift = log4(f32x4.splat(<f32>total));
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(out + (<usize>i << 2), f32x4.sub(f32x4.sub(v128.load(x + (<usize>i << 2)), top), shift));
  }
  if (i < n) storeTail(out + (<usize>i << 2), f32x4.sub(f32x4.sub(v128.load(x + (<usize>i << 2)), top), shift), n - i);
}

/** Lanes from n on become 0. */
// @ts-ignore: decorator
@inline
function firstLanes(v: v128, n: i32): v128 {
  return v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n)));
}

/** args: x [outer, n, inner], out, outer, n, inner, exclusive, reverse. Units: outer. */
export function cumsumChunk(chunk: i32, chunks: i32): void {
  const n = argI(3);
  const inner = argI(4);
  const exclusive = argI(5);
  const reverse = argI(6);
  const end = rangeStart(argI(2), chunk + 1, chunks, 1);
  for (let o = rangeStart(argI(2), chunk, chunks, 1); o < end; o++) {
    const base = (<usize>o * <usize>n * <usize>inner) << 2;
    for (let c = 0; c < inner; c++) {
      let sum: f64 = 0;
      for (let i = 0; i < n; i++) {
        const offset = base + ((<usize>(reverse ? n - 1 - i : i) * <usize>inner + <usize>c) << 2);
        const v = <f64>load<f32>(argP(0) + offset);
        if (exclusive) store<f32>(argP(1) + offset, <f32>sum);
        sum += v;
        if (!exclusive) store<f32>(argP(1) + offset, <f32>sum);
      }
    }
  }
}

/** args: x [rows, n], values [rows, k], indices [rows, k], rows, n, k. Descending, equal values by lower index. */
export function topKChunk(chunk: i32, chunks: i32): void {
  const n = argI(4);
  const k = argI(5);
  const end = rangeStart(argI(3), chunk + 1, chunks, 1);
  for (let r = rangeStart(argI(3), chunk, chunks, 1); r < end; r++) {
    const x = argP(0) + ((<usize>r * <usize>n) << 2);
    const values = argP(1) + ((<usize>r * <usize>k) << 2);
    const indices = argP(2) + ((<usize>r * <usize>k) << 2);
    for (let i = 0; i < n; i++) {
      const v = load<f32>(x + (<usize>i << 2));
      let at = min(i, k);
      if (at == k && !(v > load<f32>(values + (<usize>(k - 1) << 2)))) continue;
      if (at == k) at--;
      while (at > 0 && v > load<f32>(values + (<usize>(at - 1) << 2))) {
        store<f32>(values + (<usize>at << 2), load<f32>(values + (<usize>(at - 1) << 2)));
        store<i32>(indices + (<usize>at << 2), load<i32>(indices + (<usize>(at - 1) << 2)));
        at--;
      }
      store<f32>(values + (<usize>at << 2), v);
      store<i32>(indices + (<usize>at << 2), i);
    }
  }
}
