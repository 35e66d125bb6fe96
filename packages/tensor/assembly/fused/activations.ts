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
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const g = v128.load(gate + o);
    const d = v128.load(dy + o);
    const s = sigmoid4(g);
    const slope = f32x4.mul(s, madd(g, f32x4.sub(one4(), s), one4()));
    storeUpTo(dup + o, f32x4.mul(f32x4.mul(d, g), s), end - i);
    storeUpTo(dgate + o, f32x4.mul(f32x4.mul(d, v128.load(up + o)), slope), end - i);
  }
}

// @ts-ignore: decorator
@inline
function gelu4(exact: bool, x: v128): v128 {
  return f32x4.mul(x, exact ? normalCdf4(x) : sigmoid4(geluArgument4(x)));
}

// @ts-ignore: decorator
@inline
function geluSlope4(exact: bool, x: v128): v128 {
  if (exact) return madd(x, normalDensity4(x), normalCdf4(x));
  const s = sigmoid4(geluArgument4(x));
  return madd(f32x4.mul(f32x4.mul(x, s), f32x4.sub(one4(), s)), geluArgumentSlope4(x), s);
}

// @ts-ignore: decorator
@inline
function geluLoop(exact: bool, x: usize, y: usize, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 8 <= end; i += 8) {
    const o = (<usize>i) << 2;
    const a = gelu4(exact, v128.load(x + o));
    const b = gelu4(exact, v128.load(x + o, 16));
    v128.store(y + o, a);
    v128.store(y + o, b, 16);
  }
  for (; i < end; i += 4) {
    const o = (<usize>i) << 2;
    storeUpTo(y + o, gelu4(exact, v128.load(x + o)), end - i);
  }
}

/** y = gelu(x); `exact` 1 for the error function, 0 for the tanh approximation. */
export function gelu(x: usize, y: usize, exact: i32, begin: i32, end: i32): void {
  if (exact) geluLoop(true, x, y, begin, end);
  else geluLoop(false, x, y, begin, end);
}

// @ts-ignore: decorator
@inline
function geluGradLoop(exact: bool, x: usize, dy: usize, dx: usize, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 8 <= end; i += 8) {
    const o = (<usize>i) << 2;
    const a = geluSlope4(exact, v128.load(x + o));
    const b = geluSlope4(exact, v128.load(x + o, 16));
    v128.store(dx + o, f32x4.mul(v128.load(dy + o), a));
    v128.store(dx + o, f32x4.mul(v128.load(dy + o, 16), b), 16);
  }
  for (; i < end; i += 4) {
    const o = (<usize>i) << 2;
    storeUpTo(dx + o, f32x4.mul(v128.load(dy + o), geluSlope4(exact, v128.load(x + o))), end - i);
  }
}

/** dx = dy * gelu'(x). */
export function geluGrad(x: usize, dy: usize, dx: usize, exact: i32, begin: i32, end: i32): void {
  if (exact) geluGradLoop(true, x, dy, dx, begin, end);
  else geluGradLoop(false, x, dy, dx, begin, end);
}
