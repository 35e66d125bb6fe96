import { exp4, madd, normalCdf4, sigmoid4, storeLanes } from './math';

// sqrt(2 / pi), doubled because tanh(u) = 2 sigmoid(2u) - 1
const TWO_SQRT_2_PI: f32 = 1.5957691216057308;
const CUBIC: f32 = 0.044715;
const INV_SQRT_2PI: f32 = 0.3989422804014327;

// @ts-ignore: decorator
@inline
function swiglu4(gate: v128, up: v128): v128 {
  return f32x4.mul(f32x4.mul(gate, sigmoid4(gate)), up);
}

/** y = silu(gate) * up on elements begin..end. */
export function swiglu(gate: usize, up: usize, y: usize, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 4 <= end; i += 4) {
    const o = (<usize>i) << 2;
    v128.store(y + o, swiglu4(v128.load(gate + o), v128.load(up + o)));
  }
  if (i < end) {
    const o = (<usize>i) << 2;
    storeLanes(y + o, swiglu4(v128.load(gate + o), v128.load(up + o)), end - i);
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
  const one = f32x4.splat(1.0);
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const g = v128.load(gate + o);
    const d = v128.load(dy + o);
    const s = sigmoid4(g);
    const u = f32x4.mul(f32x4.mul(d, g), s);
    const slope = f32x4.mul(s, madd(g, f32x4.sub(one, s), one));
    const v = f32x4.mul(f32x4.mul(d, v128.load(up + o)), slope);
    if (i + 4 <= end) {
      v128.store(dup + o, u);
      v128.store(dgate + o, v);
    } else {
      storeLanes(dup + o, u, end - i);
      storeLanes(dgate + o, v, end - i);
    }
  }
}

// @ts-ignore: decorator
@inline
function geluTanh4(x: v128): v128 {
  const cube = madd(f32x4.mul(x, x), f32x4.splat(CUBIC), f32x4.splat(1.0));
  return f32x4.mul(x, sigmoid4(f32x4.mul(f32x4.mul(x, cube), f32x4.splat(TWO_SQRT_2_PI))));
}

// @ts-ignore: decorator
@inline
function geluTanhSlope4(x: v128): v128 {
  const one = f32x4.splat(1.0);
  const square = f32x4.mul(x, x);
  const cube = madd(square, f32x4.splat(CUBIC), one);
  const s = sigmoid4(f32x4.mul(f32x4.mul(x, cube), f32x4.splat(TWO_SQRT_2_PI)));
  const inner = f32x4.mul(madd(square, f32x4.splat(3 * CUBIC), one), f32x4.splat(TWO_SQRT_2_PI));
  return madd(f32x4.mul(f32x4.mul(x, s), f32x4.sub(one, s)), inner, s);
}

// @ts-ignore: decorator
@inline
function geluExactSlope4(x: v128): v128 {
  const density = exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
  return madd(f32x4.mul(x, f32x4.splat(INV_SQRT_2PI)), density, normalCdf4(x));
}

// @ts-ignore: decorator
@inline
function geluLoop(exact: bool, x: usize, y: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const v = v128.load(x + o);
    const r = exact ? f32x4.mul(v, normalCdf4(v)) : geluTanh4(v);
    if (i + 4 <= end) v128.store(y + o, r);
    else storeLanes(y + o, r, end - i);
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
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const v = v128.load(x + o);
    const r = f32x4.mul(v128.load(dy + o), exact ? geluExactSlope4(v) : geluTanhSlope4(v));
    if (i + 4 <= end) v128.store(dx + o, r);
    else storeLanes(dx + o, r, end - i);
  }
}

/** dx = dy * gelu'(x). */
export function geluGrad(x: usize, dy: usize, dx: usize, exact: i32, begin: i32, end: i32): void {
  if (exact) geluGradLoop(true, x, dy, dx, begin, end);
  else geluGradLoop(false, x, dy, dx, begin, end);
}
