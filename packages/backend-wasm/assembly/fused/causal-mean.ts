import { storeLanes } from './math';

// one unit is a batch row and 8 columns: four float64 pairs
export const MEAN_COLUMNS: i32 = 8;

// @ts-ignore: decorator
@inline
function toDoubles(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

// @ts-ignore: decorator
@inline
function highDoubles(v: v128): v128 {
  return f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3));
}

// @ts-ignore: decorator
@inline
function toFloats(low: v128, high: v128): v128 {
  return i32x4.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
function storePart(p: usize, v: v128, n: i32): void {
  if (n >= 4) v128.store(p, v);
  else if (n > 0) storeLanes(p, v, n);
}

/** Running mean within runs of equal document ids; units begin..end of [B * ceil(d / 8)]. */
export function causalMean(
  x: usize,
  documents: usize,
  y: usize,
  length: i32,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const blocks = (d + MEAN_COLUMNS - 1) / MEAN_COLUMNS;
  const zero = f64x2.splat(0);
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / blocks;
    const column = (unit % blocks) * MEAN_COLUMNS;
    const ids = documents + ((<usize>batch * <usize>length) << 2);
    let at = (<usize>batch * <usize>length * <usize>d + <usize>column) << 2;
    let a0 = zero;
    let a1 = zero;
    let a2 = zero;
    let a3 = zero;
    let count = 0;
    for (let t = 0; t < length; t++, at += (<usize>d) << 2) {
      const id = ids + ((<usize>t) << 2);
      if (t > 0 && load<i32>(id) != load<i32>(id - 4)) {
        a0 = zero;
        a1 = zero;
        a2 = zero;
        a3 = zero;
        count = 0;
      }
      count++;
      const v = v128.load(x + at);
      a0 = f64x2.add(a0, toDoubles(v));
      a1 = f64x2.add(a1, highDoubles(v));
      const n = f64x2.splat(1.0 / <f64>count);
      storePart(y + at, toFloats(f64x2.mul(a0, n), f64x2.mul(a1, n)), d - column);
      if (d - column > 4) {
        const w = v128.load(x + at, 16);
        a2 = f64x2.add(a2, toDoubles(w));
        a3 = f64x2.add(a3, highDoubles(w));
        storePart(y + at + 16, toFloats(f64x2.mul(a2, n), f64x2.mul(a3, n)), d - column - 4);
      }
    }
  }
}

/** Position within its run of each step, counted from 1; rows begin..end of [B, length]. */
export function runCounts(documents: usize, counts: usize, length: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    let at = (<usize>row * <usize>length) << 2;
    let count = 0;
    for (let t = 0; t < length; t++, at += 4) {
      if (t > 0 && load<i32>(documents + at) != load<i32>(documents + at - 4)) count = 0;
      store<i32>(counts + at, ++count);
    }
  }
}

/** dx[s] = sum over t >= s in the run of s of dy[t] / counts[t], summed from the run's end. */
export function causalMeanGrad(
  dy: usize,
  counts: usize,
  dx: usize,
  length: i32,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const blocks = (d + MEAN_COLUMNS - 1) / MEAN_COLUMNS;
  const zero = f64x2.splat(0);
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / blocks;
    const column = (unit % blocks) * MEAN_COLUMNS;
    const row = counts + ((<usize>batch * <usize>length) << 2);
    const first = (<usize>batch * <usize>length * <usize>d + <usize>column) << 2;
    let a0 = zero;
    let a1 = zero;
    let a2 = zero;
    let a3 = zero;
    for (let t = length - 1; t >= 0; t--) {
      const at = first + ((<usize>t * <usize>d) << 2);
      const count = load<i32>(row + ((<usize>t) << 2));
      const n = f64x2.splat(1.0 / <f64>count);
      const v = v128.load(dy + at);
      a0 = f64x2.add(a0, f64x2.mul(toDoubles(v), n));
      a1 = f64x2.add(a1, f64x2.mul(highDoubles(v), n));
      storePart(dx + at, toFloats(a0, a1), d - column);
      if (d - column > 4) {
        const w = v128.load(dy + at, 16);
        a2 = f64x2.add(a2, f64x2.mul(toDoubles(w), n));
        a3 = f64x2.add(a3, f64x2.mul(highDoubles(w), n));
        storePart(dx + at + 16, toFloats(a2, a3), d - column - 4);
      }
      if (count == 1) {
        a0 = zero;
        a1 = zero;
        a2 = zero;
        a3 = zero;
      }
    }
  }
}
