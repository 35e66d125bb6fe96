/** a * b + c; one rounding where the machine fuses it, the same everywhere on one machine. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** c - a * b. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/**
 * exp of four lanes (Cephes polynomial; relative error below 2e-7 between -87 and 88).
 * Below -88 it gives 0, above 88.4 Infinity, and NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // pmin/pmax keep a NaN of their first operand; adding 1.5 * 2^23 rounds to an integer
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88.8)), f32x4.splat(-88.0));
  const shifted = madd(clamped, f32x4.splat(1.44269504088896341), f32x4.splat(12582912.0));
  const n = f32x4.sub(shifted, f32x4.splat(12582912.0));
  const r = nmadd(n, f32x4.splat(-2.12194440e-4), nmadd(n, f32x4.splat(0.693359375), clamped));
  let p = madd(r, f32x4.splat(1.9875691500e-4), f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1.0));
  const scale = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(127 << 23));
  return f32x4.mul(p, scale);
}

/** 1 / (1 + exp(-x)). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1.0);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/**
 * Normal distribution function Phi(x) = erfc(-x / sqrt 2) / 2, with the Chebyshev fit of erfc of
 * Press et al., Numerical Recipes, section 6.2 (fractional error 1.2e-7 everywhere).
 */
// @ts-ignore: decorator
@inline
export function normalCdf4(x: v128): v128 {
  const one = f32x4.splat(1.0);
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678118654752));
  const t = f32x4.div(one, madd(z, f32x4.splat(0.5), one));
  let p = madd(t, f32x4.splat(0.17087277), f32x4.splat(-0.82215223));
  p = madd(p, t, f32x4.splat(1.48851587));
  p = madd(p, t, f32x4.splat(-1.13520398));
  p = madd(p, t, f32x4.splat(0.27886807));
  p = madd(p, t, f32x4.splat(-0.18628806));
  p = madd(p, t, f32x4.splat(0.09678418));
  p = madd(p, t, f32x4.splat(0.37409196));
  p = madd(p, t, f32x4.splat(1.00002368));
  p = madd(p, t, f32x4.splat(-1.26551223));
  const half = f32x4.mul(f32x4.mul(t, f32x4.splat(0.5)), exp4(nmadd(z, z, p)));
  return v128.bitselect(half, f32x4.sub(one, half), f32x4.lt(x, f32x4.splat(0.0)));
}

/** Sum of the four lanes in a fixed order. */
// @ts-ignore: decorator
@inline
export function sum4(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** The first `n` (0 to 4) lanes at `p`, zeros after them; reads 16 bytes. */
// @ts-ignore: decorator
@inline
export function loadLanes(p: usize, n: i32): v128 {
  return v128.and(v128.load(p), i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n)));
}

/** Writes the first `n` (1 to 3) lanes only: what lies behind them may belong to another thread. */
// @ts-ignore: decorator
@inline
export function storeLanes(p: usize, v: v128, n: i32): void {
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (n > 1) store<f32>(p + 4, f32x4.extract_lane(v, 1));
  if (n > 2) store<f32>(p + 8, f32x4.extract_lane(v, 2));
}

/** Sum over i < d of a[i] * b[i]: four running vectors, then the lanes, always in this order. */
export function dot(a: usize, b: usize, d: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let i = 0;
  for (; i + 16 <= d; i += 16) {
    const p = a + ((<usize>i) << 2);
    const q = b + ((<usize>i) << 2);
    s0 = madd(v128.load(p), v128.load(q), s0);
    s1 = madd(v128.load(p, 16), v128.load(q, 16), s1);
    s2 = madd(v128.load(p, 32), v128.load(q, 32), s2);
    s3 = madd(v128.load(p, 48), v128.load(q, 48), s3);
  }
  for (; i < d; i += 4) {
    const left = d - i;
    const p = a + ((<usize>i) << 2);
    const q = b + ((<usize>i) << 2);
    s0 = madd(loadLanes(p, left), loadLanes(q, left), s0);
  }
  return sum4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** y[i] += scale * x[i] for i < d. */
export function addScaled(y: usize, x: usize, scale: f32, d: i32): void {
  const s = f32x4.splat(scale);
  let i = 0;
  for (; i + 4 <= d; i += 4) {
    const p = y + ((<usize>i) << 2);
    v128.store(p, madd(s, v128.load(x + ((<usize>i) << 2)), v128.load(p)));
  }
  if (i < d) {
    const p = y + ((<usize>i) << 2);
    storeLanes(p, madd(s, v128.load(x + ((<usize>i) << 2)), v128.load(p)), d - i);
  }
}

/** y[i] = scale * x[i] for i < d. */
export function scaleRow(y: usize, x: usize, scale: f32, d: i32): void {
  const s = f32x4.splat(scale);
  let i = 0;
  for (; i + 4 <= d; i += 4) {
    v128.store(y + ((<usize>i) << 2), f32x4.mul(s, v128.load(x + ((<usize>i) << 2))));
  }
  if (i < d) {
    storeLanes(y + ((<usize>i) << 2), f32x4.mul(s, v128.load(x + ((<usize>i) << 2))), d - i);
  }
}
