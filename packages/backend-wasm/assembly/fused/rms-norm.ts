import { laneSum } from '../lanes';
import { dot, loadLanes, madd, nmadd, scaleRow, storeLanes, storeUpTo } from './math';

/** y = x * w / sqrt(mean(x^2) + eps), rows begin..end of length d. */
export function rmsNorm(x: usize, w: usize, y: usize, d: i32, eps: f32, begin: i32, end: i32): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const p = x + <usize>row * bytes;
    const q = y + <usize>row * bytes;
    const r = f32x4.splat(<f32>(1.0 / Math.sqrt(<f64>dot(p, p, d) / <f64>d + <f64>eps)));
    let i = 0;
    for (; i + 4 <= d; i += 4) {
      const o = (<usize>i) << 2;
      v128.store(q + o, f32x4.mul(f32x4.mul(v128.load(p + o), r), v128.load(w + o)));
    }
    if (i < d) {
      const o = (<usize>i) << 2;
      storeLanes(q + o, f32x4.mul(f32x4.mul(v128.load(p + o), r), v128.load(w + o)), d - i);
    }
  }
}

/** y = (a + b) / sqrt(mean((a + b)^2) + eps), rows begin..end of length d. */
export function rmsNormalizeSum(a: usize, b: usize, y: usize, d: i32, eps: f32, begin: i32, end: i32): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * bytes;
    sumRow(a + at, b + at, y + at, d);
    scaleRow(y + at, y + at, <f32>inverseOf(y + at, d, eps), d);
  }
}

/** dx = r (dy - x r^2 mean(dy x)) with x = a + b and r as above; rows begin..end of length d. */
export function rmsNormalizeSumGrad(
  a: usize,
  b: usize,
  dy: usize,
  dx: usize,
  d: i32,
  eps: f32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * bytes;
    // x lies where dx goes
    sumRow(a + at, b + at, dx + at, d);
    const inverse = inverseOf(dx + at, d, eps);
    const r = f32x4.splat(<f32>inverse);
    const c = f32x4.splat(<f32>((<f64>dot(dx + at, dy + at, d) / <f64>d) * inverse * inverse));
    for (let i = 0; i < d; i += 4) {
      const o = at + ((<usize>i) << 2);
      storeUpTo(dx + o, f32x4.mul(r, nmadd(c, v128.load(dx + o), v128.load(dy + o))), d - i);
    }
  }
}

// @ts-ignore: decorator
@inline
function sumRow(a: usize, b: usize, y: usize, d: i32): void {
  for (let i = 0; i < d; i += 4) {
    const o = (<usize>i) << 2;
    storeUpTo(y + o, f32x4.add(v128.load(a + o), v128.load(b + o)), d - i);
  }
}

// @ts-ignore: decorator
@inline
function inverseOf(x: usize, d: i32, eps: f32): f64 {
  return 1.0 / Math.sqrt(<f64>dot(x, x, d) / <f64>d + <f64>eps);
}

/** Sum of dy * w * x over one row. */
// @ts-ignore: decorator
@inline
function weightedDot(dy: usize, w: usize, x: usize, d: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= d; i += 8) {
    const o = (<usize>i) << 2;
    s0 = madd(f32x4.mul(v128.load(dy + o), v128.load(w + o)), v128.load(x + o), s0);
    s1 = madd(f32x4.mul(v128.load(dy + o, 16), v128.load(w + o, 16)), v128.load(x + o, 16), s1);
  }
  for (; i < d; i += 4) {
    const o = (<usize>i) << 2;
    const g = f32x4.mul(loadLanes(dy + o, d - i), loadLanes(w + o, d - i));
    s0 = madd(g, loadLanes(x + o, d - i), s0);
  }
  return laneSum(f32x4.add(s0, s1));
}

/**
 * Row ranges begin..end (of `parts` equal ones): dx = r (g - x r^2 mean(g x)) with g = dy * w, and
 * per range the sum over its rows of dy * x * r into partial[range].
 */
export function rmsNormGrad(
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
    const dw = partial + <usize>part * bytes;
    memory.fill(dw, 0, bytes);
    const last = <i32>((<i64>(part + 1) * rows) / parts);
    for (let row = <i32>((<i64>part * rows) / parts); row < last; row++) {
      const at = <usize>row * bytes;
      rmsNormGradRow(x + at, w, dy + at, dx + at, dw, d, eps);
    }
  }
}

// @ts-ignore: decorator
@inline
function rmsNormGradRow(x: usize, w: usize, dy: usize, dx: usize, dw: usize, d: i32, eps: f32): void {
  const inverse = 1.0 / Math.sqrt(<f64>dot(x, x, d) / <f64>d + <f64>eps);
  const r = f32x4.splat(<f32>inverse);
  const c = f32x4.splat(<f32>((<f64>weightedDot(dy, w, x, d) / <f64>d) * inverse * inverse));
  for (let i = 0; i < d; i += 4) {
    const o = (<usize>i) << 2;
    const vx = v128.load(x + o);
    const vdy = v128.load(dy + o);
    const g = f32x4.mul(r, nmadd(c, vx, f32x4.mul(vdy, v128.load(w + o))));
    const s = madd(f32x4.mul(vdy, r), vx, v128.load(dw + o));
    if (i + 4 <= d) {
      v128.store(dx + o, g);
      v128.store(dw + o, s);
    } else {
      storeLanes(dx + o, g, d - i);
      storeLanes(dw + o, s, d - i);
    }
  }
}

/** out[i] = sum over parts, in order, of partial[part][i], columns begin..end; `pitch` floats between parts. */
export function sumParts(
  partial: usize,
  out: usize,
  parts: i32,
  pitch: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>pitch) << 2;
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    let s = f32x4.splat(0);
    for (let part = 0; part < parts; part++) s = f32x4.add(s, v128.load(partial + o + <usize>part * bytes));
    if (i + 4 <= end) v128.store(out + o, s);
    else storeLanes(out + o, s, end - i);
  }
}
