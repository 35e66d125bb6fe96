import { laneSum } from '../lanes';
import { loadLanes, madd, nmadd, storeLanes } from './math';

// @ts-ignore: decorator
@inline
function rowSum(x: usize, d: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= d; i += 8) {
    s0 = f32x4.add(s0, v128.load(x + ((<usize>i) << 2)));
    s1 = f32x4.add(s1, v128.load(x + ((<usize>i) << 2), 16));
  }
  for (; i < d; i += 4) s0 = f32x4.add(s0, loadLanes(x + ((<usize>i) << 2), d - i));
  return laneSum(f32x4.add(s0, s1));
}

/** Sum of (x - mean)^2 over one row. */
// @ts-ignore: decorator
@inline
function rowSquaredDeviation(x: usize, mean: f32, d: i32): f32 {
  const m = f32x4.splat(mean);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= d; i += 8) {
    const a = f32x4.sub(v128.load(x + ((<usize>i) << 2)), m);
    const b = f32x4.sub(v128.load(x + ((<usize>i) << 2), 16), m);
    s0 = madd(a, a, s0);
    s1 = madd(b, b, s1);
  }
  for (; i < d; i += 4) {
    const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(d - i));
    const a = v128.and(f32x4.sub(v128.load(x + ((<usize>i) << 2)), m), mask);
    s0 = madd(a, a, s0);
  }
  return laneSum(f32x4.add(s0, s1));
}

// @ts-ignore: decorator
@inline
function inverseDeviation(x: usize, mean: f32, d: i32, eps: f32): f32 {
  return <f32>(1.0 / Math.sqrt(<f64>rowSquaredDeviation(x, mean, d) / <f64>d + <f64>eps));
}

/** y = (x - mean) / sqrt(var + eps) * w + b, rows begin..end of length d. */
export function layerNorm(
  x: usize,
  w: usize,
  b: usize,
  y: usize,
  d: i32,
  eps: f32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const p = x + <usize>row * bytes;
    const q = y + <usize>row * bytes;
    const mean = <f32>(<f64>rowSum(p, d) / <f64>d);
    const m = f32x4.splat(mean);
    const r = f32x4.splat(inverseDeviation(p, mean, d, eps));
    for (let i = 0; i < d; i += 4) {
      const o = (<usize>i) << 2;
      const hat = f32x4.mul(f32x4.sub(v128.load(p + o), m), r);
      const v = madd(hat, v128.load(w + o), v128.load(b + o));
      if (i + 4 <= d) v128.store(q + o, v);
      else storeLanes(q + o, v, d - i);
    }
  }
}

/** As rmsNormGrad; partial holds per range d sums for the weight, then d for the bias. */
export function layerNormGrad(
  x: usize,
  w: usize,
  dy: usize,
  dx: usize,
  partial: usize,
  rows: i32,
  d: i32,
  parts: i32,
  eps: f32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let part = begin; part < end; part++) {
    const dw = partial + <usize>part * 2 * bytes;
    memory.fill(dw, 0, 2 * bytes);
    const last = <i32>((<i64>(part + 1) * rows) / parts);
    for (let row = <i32>((<i64>part * rows) / parts); row < last; row++) {
      const at = <usize>row * bytes;
      layerNormGradRow(x + at, w, dy + at, dx + at, dw, dw + bytes, d, eps);
    }
  }
}

// dx = r (g - mean(g) - hat mean(g hat)), hat = (x - mean) r, g = dy * w
function layerNormGradRow(
  x: usize,
  w: usize,
  dy: usize,
  dx: usize,
  dw: usize,
  db: usize,
  d: i32,
  eps: f32,
): void {
  const mean = <f32>(<f64>rowSum(x, d) / <f64>d);
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverseDeviation(x, mean, d, eps));
  let sumG = f32x4.splat(0);
  let sumGHat = sumG;
  for (let i = 0; i < d; i += 4) {
    const o = (<usize>i) << 2;
    const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(d - i));
    const hat = v128.and(f32x4.mul(f32x4.sub(v128.load(x + o), m), r), mask);
    const g = v128.and(f32x4.mul(v128.load(dy + o), v128.load(w + o)), mask);
    sumG = f32x4.add(sumG, g);
    sumGHat = madd(g, hat, sumGHat);
  }
  const meanG = f32x4.splat(<f32>(<f64>laneSum(sumG) / <f64>d));
  const meanGHat = f32x4.splat(<f32>(<f64>laneSum(sumGHat) / <f64>d));
  for (let i = 0; i < d; i += 4) {
    const o = (<usize>i) << 2;
    const vdy = v128.load(dy + o);
    const hat = f32x4.mul(f32x4.sub(v128.load(x + o), m), r);
    const g = f32x4.sub(f32x4.mul(vdy, v128.load(w + o)), meanG);
    const v = f32x4.mul(r, nmadd(hat, meanGHat, g));
    const sw = madd(vdy, hat, v128.load(dw + o));
    const sb = f32x4.add(vdy, v128.load(db + o));
    if (i + 4 <= d) {
      v128.store(dx + o, v);
      v128.store(dw + o, sw);
      v128.store(db + o, sb);
    } else {
      storeLanes(dx + o, v, d - i);
      storeLanes(dw + o, sw, d - i);
      storeLanes(db + o, sb, d - i);
    }
  }
}
