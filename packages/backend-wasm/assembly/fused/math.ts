import { laneSum, madd } from '../lanes';

export { madd };

/** c - a * b. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

// V8 builds a vector constant anew at every use (three instructions, never hoisted out of a loop). A broadcast
// from memory is one instruction, a local that was loaded before the loop is none: exp takes 0.73, 0.59 and
// 0.40 ns per element in these three ways.
const CONSTANTS: usize = memory.data<f32>(
  [
    88.8, -88.0, 1.4426950408889634, 12582912.0, 0.0013264727306580464, 0.009671512715128939,
    0.055507337436612354, 0.24022242084223694, 0.6931469775985242, 1.0,
    // erfc
    0.5, 0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223, 0.70710678118654752,
    // GELU
    0.044715, 0.134145, 1.5957691216057308, 0.3989422804014327, -0.5,
  ],
  16,
);

/** Constant i of exp4With, in all lanes. */
// @ts-ignore: decorator
@inline
export function constant(i: i32): v128 {
  return v128.load32_splat(CONSTANTS + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
export function one4(): v128 {
  return constant(9);
}

/** exp4 with its ten constants in locals, for loops. */
// @ts-ignore: decorator
@inline
export function exp4With(
  x: v128,
  high: v128,
  low: v128,
  log2e: v128,
  round: v128,
  c5: v128,
  c4: v128,
  c3: v128,
  c2: v128,
  c1: v128,
  one: v128,
): v128 {
  // pmin/pmax keep a NaN of their first operand; adding 1.5 * 2^23 rounds to an integer
  const clamped = f32x4.pmax(f32x4.pmin(x, high), low);
  const shifted = madd(clamped, log2e, round);
  const f = madd(clamped, log2e, f32x4.sub(round, shifted));
  let p = madd(f, c5, c4);
  p = madd(p, f, c3);
  p = madd(p, f, c2);
  p = madd(p, f, c1);
  p = madd(p, f, one);
  // the bits of 1.0 are those of exponent 0
  return f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), one));
}

/**
 * exp of four lanes as 2^n 2^f, 2^f a minimax polynomial on [-1/2, 1/2] with the value 1 at 0. Absolute error
 * below 1.3e-7 for x <= 0; relative error below 2e-7 + 2e-8 |x| (plain SIMD 6e-8 |x|). Below -88 it gives 0,
 * above 88.4 Infinity, and NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  return exp4With(
    x,
    constant(0),
    constant(1),
    constant(2),
    constant(3),
    constant(4),
    constant(5),
    constant(6),
    constant(7),
    constant(8),
    constant(9),
  );
}

/** 1 / (1 + exp(-x)). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(constant(9), f32x4.add(constant(9), exp4(f32x4.neg(x))));
}

/**
 * Normal distribution function Phi(x) = erfc(-x / sqrt 2) / 2, with the Chebyshev fit of erfc of
 * Press et al., Numerical Recipes, section 6.2 (fractional error 1.2e-7 everywhere).
 */
// @ts-ignore: decorator
@inline
export function normalCdf4(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), constant(21));
  const t = f32x4.div(constant(9), madd(z, constant(10), constant(9)));
  let p = madd(t, constant(11), constant(12));
  p = madd(p, t, constant(13));
  p = madd(p, t, constant(14));
  p = madd(p, t, constant(15));
  p = madd(p, t, constant(16));
  p = madd(p, t, constant(17));
  p = madd(p, t, constant(18));
  p = madd(p, t, constant(19));
  p = madd(p, t, constant(20));
  const half = f32x4.mul(f32x4.mul(t, constant(10)), exp4(nmadd(z, z, p)));
  return v128.bitselect(half, f32x4.sub(constant(9), half), f32x4.lt(x, f32x4.splat(0)));
}

/** exp(-x^2 / 2) / sqrt(2 pi). */
// @ts-ignore: decorator
@inline
export function normalDensity4(x: v128): v128 {
  return f32x4.mul(constant(25), exp4(f32x4.mul(f32x4.mul(x, x), constant(26))));
}

/** 2 sqrt(2 / pi) (x + 0.044715 x^3), which is 2u where GELU has tanh(u) = 2 sigmoid(2u) - 1. */
// @ts-ignore: decorator
@inline
export function geluArgument4(x: v128): v128 {
  return f32x4.mul(f32x4.mul(x, madd(f32x4.mul(x, x), constant(22), constant(9))), constant(24));
}

/** Its derivative, 2 sqrt(2 / pi) (1 + 3 * 0.044715 x^2). */
// @ts-ignore: decorator
@inline
export function geluArgumentSlope4(x: v128): v128 {
  return f32x4.mul(madd(f32x4.mul(x, x), constant(23), constant(9)), constant(24));
}

/**
 * Natural logarithm of one double, absolute error below 1e-14: ln m = 2 artanh((m - 1) / (m + 1)).
 * The one of AssemblyScript brings 4 KiB of tables into the fixed part of the memory.
 */
export function log(x: f64): f64 {
  if (!(x > 0) || x == Infinity) return x == 0 ? -Infinity : x < 0 ? NaN : x;
  let bits = reinterpret<i64>(x);
  let exponent = <i32>(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
  let m = reinterpret<f64>(bits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let sum: f64 = 0;
  for (let n = 19; n >= 1; n -= 2) sum = sum * q + 1 / <f64>n;
  return 2 * s * sum + <f64>exponent * 0.6931471805599453;
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

/** Writes four lanes, or the first `n` where n is less. */
// @ts-ignore: decorator
@inline
export function storeUpTo(p: usize, v: v128, n: i32): void {
  if (n >= 4) v128.store(p, v);
  else storeLanes(p, v, n);
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
  return laneSum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
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
