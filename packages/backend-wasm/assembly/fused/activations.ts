import {
  geluArgument4,
  geluArgumentSlope4,
  madd,
  normalCdf4,
  normalDensity4,
  one4,
  sigmoid4,
  storeUpTo,
} from './math';

// @ts-ignore: decorator
@inline
function swiglu4(gate: v128, up: v128): v128 {
  return f32x4.mul(f32x4.mul(gate, sigmoid4(gate)), up);
}

// Loops take two vectors a round: the constants of exp are then loaded once for both.

/** y = silu(gate) * up on elements begin..end. */
export function swiglu(gate: usize, up: usize, y: usize, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 8 <= end; i += 8) {
    const o = (<usize>i) << 2;
    const a = swiglu4(v128.load(gate + o), v128.load(up + o));
    const b = swiglu4(v128.load(gate + o, 16), v128.load(up + o, 16));
    v128.store(y + o, a);
    v128.store(y + o, b, 16);
  }
  for (; i < end; i += 4) {
    const o = (<usize>i) << 2;
    storeUpTo(y + o, swiglu4(v128.load(gate + o), v128.load(up + o)), end - i);
  }
}

/** Derivative of silu, s = sigmoid(gate). */
// @ts-ignore: decorator
@inline
function siluSlope4(gate: v128, s: v128): v128 {
  return f32x4.mul(s, madd(gate, f32x4.sub(one4(), s), one4()));
}

/** dgate = dy * up * s * (1 + gate * (1 - s)) and dup = dy * gate * s, s = sigmoid(gate). */
export function swigluGrad(
  gate: usize,
  up: usize,
  dy: usize,
  dgate: usize,
  dup: usize,
  begin: i32,
  end: i32,
): void {
  let i = begin;
  for (; i + 8 <= end; i += 8) {
    const o = (<usize>i) << 2;
    const g = v128.load(gate + o), h = v128.load(gate + o, 16);
    const d = v128.load(dy + o), e = v128.load(dy + o, 16);
    const s = sigmoid4(g), t = sigmoid4(h);
    const gateA = f32x4.mul(f32x4.mul(d, v128.load(up + o)), siluSlope4(g, s));
    const gateB = f32x4.mul(f32x4.mul(e, v128.load(up + o, 16)), siluSlope4(h, t));
    const upA = f32x4.mul(f32x4.mul(d, g), s), upB = f32x4.mul(f32x4.mul(e, h), t);
    v128.store(dgate + o, gateA);
    v128.store(dgate + o, gateB, 16);
    v128.store(dup + o, upA);
    v128.store(dup + o, upB, 16);
  }
  for (; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const g = v128.load(gate + o);
    const d = v128.load(dy + o);
    const s = sigmoid4(g);
    storeUpTo(dup + o, f32x4.mul(f32x4.mul(d, g), s), end - i);
    storeUpTo(dgate + o, f32x4.mul(f32x4.mul(d, v128.load(up + o)), siluSlope4(g, s)), end - i);
  }
}

// The type parameter chooses when compiling, so that the loops have no condition in them: f32 for the error
// function, i32 for the tanh approximation.

// @ts-ignore: decorator
@inline
function gelu4<T>(x: v128): v128 {
  return f32x4.mul(x, isFloat<T>() ? normalCdf4(x) : sigmoid4(geluArgument4(x)));
}

// @ts-ignore: decorator
@inline
function geluSlope4<T>(x: v128): v128 {
  if (isFloat<T>()) return madd(x, normalDensity4(x), normalCdf4(x));
  const s = sigmoid4(geluArgument4(x));
  return madd(f32x4.mul(f32x4.mul(x, s), f32x4.sub(one4(), s)), geluArgumentSlope4(x), s);
}

function geluLoop<T>(x: usize, y: usize, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 8 <= end; i += 8) {
    const o = (<usize>i) << 2;
    const a = gelu4<T>(v128.load(x + o));
    const b = gelu4<T>(v128.load(x + o, 16));
    v128.store(y + o, a);
    v128.store(y + o, b, 16);
  }
  for (; i < end; i += 4) {
    const o = (<usize>i) << 2;
    storeUpTo(y + o, gelu4<T>(v128.load(x + o)), end - i);
  }
}

/** y = gelu(x); `exact` 1 for the error function, 0 for the tanh approximation. */
export function gelu(x: usize, y: usize, exact: i32, begin: i32, end: i32): void {
  if (exact) geluLoop<f32>(x, y, begin, end);
  else geluLoop<i32>(x, y, begin, end);
}

function geluGradLoop<T>(x: usize, dy: usize, dx: usize, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 8 <= end; i += 8) {
    const o = (<usize>i) << 2;
    const a = f32x4.mul(v128.load(dy + o), geluSlope4<T>(v128.load(x + o)));
    const b = f32x4.mul(v128.load(dy + o, 16), geluSlope4<T>(v128.load(x + o, 16)));
    v128.store(dx + o, a);
    v128.store(dx + o, b, 16);
  }
  for (; i < end; i += 4) {
    const o = (<usize>i) << 2;
    storeUpTo(dx + o, f32x4.mul(v128.load(dy + o), geluSlope4<T>(v128.load(x + o))), end - i);
  }
}

/** dx = dy * gelu'(x). */
export function geluGrad(x: usize, dy: usize, dx: usize, exact: i32, begin: i32, end: i32): void {
  if (exact) geluGradLoop<f32>(x, dy, dx, begin, end);
  else geluGradLoop<i32>(x, dy, dx, begin, end);
}
