import * as f from './functions';
import { argF, argI, argP, rangeStart, scratchTile } from './layout';
import { copyWords, maskBytes } from './lanes';
import * as kind from './unary-kinds';

// @ts-ignore: decorator
@inline
function select(yes: v128, no: v128, mask: v128): v128 {
  return v128.bitselect(yes, no, mask);
}

// @ts-ignore: decorator
@inline
function apply(k: i32, x: v128, alpha: v128, beta: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  if (k == kind.U_NEG) return f32x4.neg(x);
  if (k == kind.U_ABS) return f32x4.abs(x);
  if (k == kind.U_SQUARE) return f32x4.mul(x, x);
  if (k == kind.U_SQRT) return f32x4.sqrt(x);
  if (k == kind.U_RSQRT) return f32x4.div(one, f32x4.sqrt(x));
  if (k == kind.U_RECIPROCAL) return f32x4.div(one, x);
  if (k == kind.U_RELU) return f32x4.pmax(x, zero);
  if (k == kind.U_CLIP) return f32x4.pmin(f32x4.pmax(x, alpha), beta);
  if (k == kind.U_STEP) return v128.or(select(one, alpha, f32x4.gt(x, zero)), f32x4.ne(x, x));
  if (k == kind.U_LEAKY_RELU) return select(f32x4.mul(x, alpha), x, f32x4.lt(x, zero));
  if (k == kind.U_SIGN) return select(one, v128.and(f32x4.lt(x, zero), f32x4.splat(-1)), f32x4.gt(x, zero));
  if (k == kind.U_FLOOR) return f32x4.floor(x);
  if (k == kind.U_CEIL) return f32x4.ceil(x);
  if (k == kind.U_ROUND) return f32x4.nearest(x);
  if (k == kind.U_EXP) return f.exp4(x);
  if (k == kind.U_EXPM1) return f.expm14(x);
  if (k == kind.U_LOG) return f.log4(x);
  if (k == kind.U_LOG1P) return f.log1p4(x);
  if (k == kind.U_SIGMOID) return f.sigmoid4(x);
  if (k == kind.U_TANH) return f.tanh4(x);
  if (k == kind.U_SOFTPLUS) return f.softplus4(x);
  if (k == kind.U_ERF) return f.erf4(x);
  if (k == kind.U_ELU) return select(x, f.expm14(x), f32x4.ge(x, zero));
  if (k == kind.U_SCALE) return f32x4.mul(x, alpha);
  return x;
}

// @ts-ignore: decorator
@inline
function loop(k: i32, x: usize, out: usize, n: i32, alpha: v128, beta: v128): void {
  for (let i = 0; i < n; i += 4, x += 16, out += 16) v128.store(out, apply(k, v128.load(x), alpha, beta));
}

/** Whole vectors: writes roundUp4(n) elements. */
function run(k: i32, x: usize, out: usize, n: i32, alpha: f32, beta: f32): void {
  const a = f32x4.splat(alpha);
  const b = f32x4.splat(beta);
  switch (k) {
    case kind.U_NEG:
      loop(kind.U_NEG, x, out, n, a, b);
      break;
    case kind.U_ABS:
      loop(kind.U_ABS, x, out, n, a, b);
      break;
    case kind.U_SQUARE:
      loop(kind.U_SQUARE, x, out, n, a, b);
      break;
    case kind.U_SQRT:
      loop(kind.U_SQRT, x, out, n, a, b);
      break;
    case kind.U_RSQRT:
      loop(kind.U_RSQRT, x, out, n, a, b);
      break;
    case kind.U_RECIPROCAL:
      loop(kind.U_RECIPROCAL, x, out, n, a, b);
      break;
    case kind.U_RELU:
      loop(kind.U_RELU, x, out, n, a, b);
      break;
    case kind.U_CLIP:
      loop(kind.U_CLIP, x, out, n, a, b);
      break;
    case kind.U_STEP:
      loop(kind.U_STEP, x, out, n, a, b);
      break;
    case kind.U_LEAKY_RELU:
      loop(kind.U_LEAKY_RELU, x, out, n, a, b);
      break;
    case kind.U_SIGN:
      loop(kind.U_SIGN, x, out, n, a, b);
      break;
    case kind.U_FLOOR:
      loop(kind.U_FLOOR, x, out, n, a, b);
      break;
    case kind.U_CEIL:
      loop(kind.U_CEIL, x, out, n, a, b);
      break;
    case kind.U_ROUND:
      loop(kind.U_ROUND, x, out, n, a, b);
      break;
    case kind.U_EXP:
      loop(kind.U_EXP, x, out, n, a, b);
      break;
    case kind.U_EXPM1:
      loop(kind.U_EXPM1, x, out, n, a, b);
      break;
    case kind.U_LOG:
      loop(kind.U_LOG, x, out, n, a, b);
      break;
    case kind.U_LOG1P:
      loop(kind.U_LOG1P, x, out, n, a, b);
      break;
    case kind.U_SIGMOID:
      loop(kind.U_SIGMOID, x, out, n, a, b);
      break;
    case kind.U_TANH:
      loop(kind.U_TANH, x, out, n, a, b);
      break;
    case kind.U_SOFTPLUS:
      loop(kind.U_SOFTPLUS, x, out, n, a, b);
      break;
    case kind.U_ERF:
      loop(kind.U_ERF, x, out, n, a, b);
      break;
    case kind.U_ELU:
      loop(kind.U_ELU, x, out, n, a, b);
      break;
    case kind.U_SCALE:
      loop(kind.U_SCALE, x, out, n, a, b);
      break;
    default:
      unreachable();
  }
}

/** args: x, out, n, kind, alpha, beta (floats). */
export function unaryChunk(chunk: i32, chunks: i32): void {
  const total = argI(2);
  const from = rangeStart(total, chunk, chunks, 16);
  const n = rangeStart(total, chunk + 1, chunks, 16) - from;
  const x = argP(0) + (<usize>from << 2);
  const out = argP(1) + (<usize>from << 2);
  const whole = n & ~3;
  run(argI(3), x, out, whole, argF(4), argF(5));
  if (whole == n) return;
  const tile = scratchTile();
  const offset = <usize>whole << 2;
  run(argI(3), x + offset, tile, 4, argF(4), argF(5));
  copyWords(out + offset, tile, n - whole);
}

// @ts-ignore: decorator
@inline
function test(k: i32, x: v128): v128 {
  const finite = f32x4.lt(f32x4.abs(x), f32x4.splat(Infinity));
  if (k == kind.T_NAN) return f32x4.ne(x, x);
  if (k == kind.T_INF) return f32x4.eq(f32x4.abs(x), f32x4.splat(Infinity));
  return finite;
}

/** args: x, out (bytes), n, kind: isNaN, isInf or isFinite. */
export function testChunk(chunk: i32, chunks: i32): void {
  const total = argI(2);
  const k = argI(3);
  const to = rangeStart(total, chunk + 1, chunks, 16);
  for (let i = rangeStart(total, chunk, chunks, 16); i < to; i += 4) {
    const x = v128.load(argP(0) + (<usize>i << 2));
    const mask = k == kind.T_NAN ? test(kind.T_NAN, x) : k == kind.T_INF ? test(kind.T_INF, x) : test(kind.T_FINITE, x);
    storeBytes(argP(1) + <usize>i, maskBytes(mask), to - i);
  }
}

// @ts-ignore: decorator
@inline
export function storeBytes(out: usize, bytes: u32, n: i32): void {
  if (n >= 4) {
    store<u32>(out, bytes);
    return;
  }
  for (let l = 0; l < n; l++) store<u8>(out + <usize>l, <u8>(bytes >> (<u32>l << 3)));
}
