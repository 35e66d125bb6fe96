// Elementary functions on four floats. Polynomials and reductions are those of Cephes (S. Moshier, single
// precision); NaN passes on, overflow gives Infinity and underflow denormals or zero.
import { madd } from './lanes';

// @ts-ignore: decorator
@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/** e^x over the whole range: scaled in two steps, so that infinities and denormals come out right. */
// @ts-ignore: decorator
@inline
export function exp4(value: v128): v128 {
  // operands in this order let NaN through
  const x = f32x4.pmin(f32x4.pmax(value, splat(-104)), splat(89));
  const magic = splat(12582912.0);
  const t = madd(x, splat(1.44269504088896341), magic);
  const n = i32x4.sub(t, magic);
  const nf = f32x4.sub(t, magic);
  let r = madd(nf, splat(-0.693359375), x);
  r = madd(nf, splat(2.12194440e-4), r);
  let p = madd(splat(1.9875691500e-4), r, splat(1.3981999507e-3));
  p = madd(p, r, splat(8.3334519073e-3));
  p = madd(p, r, splat(4.1665795894e-2));
  p = madd(p, r, splat(1.6666665459e-1));
  p = madd(p, r, splat(5.0000001201e-1));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), splat(1));
  const half = i32x4.shr_s(n, 1);
  const first = i32x4.shl(i32x4.add(half, i32x4.splat(127)), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(n, half), i32x4.splat(127)), 23);
  return f32x4.mul(f32x4.mul(p, first), second);
}

/** Natural logarithm; 0 gives -Infinity, negative numbers NaN. */
// @ts-ignore: decorator
@inline
export function log4(value: v128): v128 {
  const tiny = f32x4.lt(value, splat(1.1754943508e-38));
  const x = v128.bitselect(f32x4.mul(value, splat(8388608.0)), value, tiny);
  const shift = v128.and(tiny, splat(23));
  const exponent = i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126));
  let m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const low = f32x4.lt(m, splat(0.707106781186547524));
  let e = f32x4.sub(f32x4.convert_i32x4_s(exponent), shift);
  e = f32x4.sub(e, v128.and(low, splat(1)));
  m = f32x4.sub(f32x4.add(m, v128.and(low, m)), splat(1));
  const z = f32x4.mul(m, m);
  let p = madd(splat(7.0376836292e-2), m, splat(-1.1514610310e-1));
  p = madd(p, m, splat(1.1676998740e-1));
  p = madd(p, m, splat(-1.2420140846e-1));
  p = madd(p, m, splat(1.4249322787e-1));
  p = madd(p, m, splat(-1.6668057665e-1));
  p = madd(p, m, splat(2.0000714765e-1));
  p = madd(p, m, splat(-2.4999993993e-1));
  p = madd(p, m, splat(3.3333331174e-1));
  p = f32x4.mul(f32x4.mul(p, m), z);
  p = madd(e, splat(-2.12194440e-4), p);
  p = madd(z, splat(-0.5), p);
  let y = madd(e, splat(0.693359375), f32x4.add(m, p));
  // Infinity and NaN stay as they are
  const finite = f32x4.lt(value, splat(Infinity));
  y = v128.bitselect(y, value, finite);
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(value, splat(0)));
  return v128.or(y, f32x4.lt(value, splat(0)));
}

/** ln(1 + x), exact near 0: the rounding error of 1 + x is divided out (Kahan). */
// @ts-ignore: decorator
@inline
export function log1p4(x: v128): v128 {
  const u = f32x4.add(x, splat(1));
  const d = f32x4.sub(u, splat(1));
  const y = f32x4.mul(log4(u), f32x4.div(x, d));
  const tiny = f32x4.eq(d, splat(0));
  const infinite = f32x4.eq(u, splat(Infinity));
  return v128.bitselect(x, y, v128.or(tiny, infinite));
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(splat(1), f32x4.add(splat(1), exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const e = exp4(f32x4.add(size, size));
  let large = f32x4.sub(splat(1), f32x4.div(splat(2), f32x4.add(e, splat(1))));
  large = v128.or(large, v128.and(x, i32x4.splat(0x80000000)));
  const z = f32x4.mul(x, x);
  let p = madd(splat(-5.70498872745e-3), z, splat(2.06390887954e-2));
  p = madd(p, z, splat(-5.37397155531e-2));
  p = madd(p, z, splat(1.33314422036e-1));
  p = madd(p, z, splat(-3.33332819422e-1));
  const small = madd(f32x4.mul(p, z), x, x);
  return v128.bitselect(small, large, f32x4.lt(size, splat(0.625)));
}

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|). */
// @ts-ignore: decorator
@inline
export function softplus4(x: v128): v128 {
  return f32x4.add(f32x4.max(x, splat(0)), log1p4(exp4(f32x4.neg(f32x4.abs(x)))));
}

/** e^x - 1: the Taylor series where the difference would cancel. */
// @ts-ignore: decorator
@inline
export function expm14(x: v128): v128 {
  let p = madd(splat(1.9841270e-4), x, splat(1.3888889e-3));
  p = madd(p, x, splat(8.3333333e-3));
  p = madd(p, x, splat(4.1666667e-2));
  p = madd(p, x, splat(1.6666667e-1));
  p = madd(p, x, splat(0.5));
  const small = madd(p, f32x4.mul(x, x), x);
  const large = f32x4.sub(exp4(x), splat(1));
  return v128.bitselect(small, large, f32x4.lt(f32x4.abs(x), splat(0.35)));
}

/** Error function: rational approximation on [-4, 4] (Eigen's coefficients), ±1 beyond. */
// @ts-ignore: decorator
@inline
export function erf4(value: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(value, splat(-4)), splat(4));
  const z = f32x4.mul(x, x);
  let p = madd(splat(-2.72614225801306e-10), z, splat(2.77068142495902e-8));
  p = madd(p, z, splat(-2.10102402082508e-6));
  p = madd(p, z, splat(-5.69250639462346e-5));
  p = madd(p, z, splat(-7.34990630326855e-4));
  p = madd(p, z, splat(-2.954600049e-3));
  p = madd(p, z, splat(-1.60960333262415e-2));
  p = f32x4.mul(p, x);
  let q = madd(splat(-1.45660718464996e-5), z, splat(-2.13374055278905e-4));
  q = madd(q, z, splat(-1.68282697438203e-3));
  q = madd(q, z, splat(-7.37332916720468e-3));
  q = madd(q, z, splat(-1.42647390514189e-2));
  return f32x4.div(p, q);
}
