import * as kind from './binary-kinds';
import { maskBytes } from './lanes';
import { storeBytes } from './unary';

// One row of a broadcast operation: n elements, each operand advancing by its step (0 or 1). The arithmetic
// functions take n as a multiple of 4.

// @ts-ignore: decorator
@inline
function applyFloat(k: i32, a: v128, b: v128): v128 {
  if (k == kind.B_ADD) return f32x4.add(a, b);
  if (k == kind.B_SUB) return f32x4.sub(a, b);
  if (k == kind.B_MUL) return f32x4.mul(a, b);
  if (k == kind.B_DIV) return f32x4.div(a, b);
  if (k == kind.B_MAX) return f32x4.max(a, b);
  if (k == kind.B_MIN) return f32x4.min(a, b);
  const d = f32x4.sub(a, b);
  return f32x4.mul(d, d);
}

// @ts-ignore: decorator
@inline
function applyInt(k: i32, a: v128, b: v128): v128 {
  if (k == kind.B_ADD) return i32x4.add(a, b);
  if (k == kind.B_SUB) return i32x4.sub(a, b);
  if (k == kind.B_MUL) return i32x4.mul(a, b);
  if (k == kind.B_MAX) return i32x4.max_s(a, b);
  if (k == kind.B_MIN) return i32x4.min_s(a, b);
  const d = i32x4.sub(a, b);
  return i32x4.mul(d, d);
}

// @ts-ignore: decorator
@inline
function compareFloat(k: i32, a: v128, b: v128): v128 {
  if (k == kind.C_EQ) return f32x4.eq(a, b);
  if (k == kind.C_NE) return f32x4.ne(a, b);
  if (k == kind.C_LT) return f32x4.lt(a, b);
  if (k == kind.C_LE) return f32x4.le(a, b);
  if (k == kind.C_GT) return f32x4.gt(a, b);
  return f32x4.ge(a, b);
}

// @ts-ignore: decorator
@inline
function compareInt(k: i32, a: v128, b: v128): v128 {
  if (k == kind.C_EQ) return i32x4.eq(a, b);
  if (k == kind.C_NE) return i32x4.ne(a, b);
  if (k == kind.C_LT) return i32x4.lt_s(a, b);
  if (k == kind.C_LE) return i32x4.le_s(a, b);
  if (k == kind.C_GT) return i32x4.gt_s(a, b);
  return i32x4.ge_s(a, b);
}

// @ts-ignore: decorator
@inline
function floatRow(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  if (stepA == 0) {
    const x = v128.load32_splat(a);
    for (let i = 0; i < n; i += 4, b += 16, out += 16) v128.store(out, applyFloat(k, x, v128.load(b)));
  } else if (stepB == 0) {
    const y = v128.load32_splat(b);
    for (let i = 0; i < n; i += 4, a += 16, out += 16) v128.store(out, applyFloat(k, v128.load(a), y));
  } else {
    for (let i = 0; i < n; i += 4, a += 16, b += 16, out += 16) {
      v128.store(out, applyFloat(k, v128.load(a), v128.load(b)));
    }
  }
}

// @ts-ignore: decorator
@inline
function intRow(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  if (stepA == 0) {
    const x = v128.load32_splat(a);
    for (let i = 0; i < n; i += 4, b += 16, out += 16) v128.store(out, applyInt(k, x, v128.load(b)));
  } else if (stepB == 0) {
    const y = v128.load32_splat(b);
    for (let i = 0; i < n; i += 4, a += 16, out += 16) v128.store(out, applyInt(k, v128.load(a), y));
  } else {
    for (let i = 0; i < n; i += 4, a += 16, b += 16, out += 16) {
      v128.store(out, applyInt(k, v128.load(a), v128.load(b)));
    }
  }
}

// @ts-ignore: decorator
@inline
function compareFloatRow(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  for (let i = 0; i < n; i += 4) {
    const x = stepA == 0 ? v128.load32_splat(a) : v128.load(a + (<usize>i << 2));
    const y = stepB == 0 ? v128.load32_splat(b) : v128.load(b + (<usize>i << 2));
    storeBytes(out + <usize>i, maskBytes(compareFloat(k, x, y)), n - i);
  }
}

// @ts-ignore: decorator
@inline
function compareIntRow(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  for (let i = 0; i < n; i += 4) {
    const x = stepA == 0 ? v128.load32_splat(a) : v128.load(a + (<usize>i << 2));
    const y = stepB == 0 ? v128.load32_splat(b) : v128.load(b + (<usize>i << 2));
    storeBytes(out + <usize>i, maskBytes(compareInt(k, x, y)), n - i);
  }
}

export function floatOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  switch (k) {
    case kind.B_ADD:
      floatRow(kind.B_ADD, a, b, out, n, stepA, stepB);
      break;
    case kind.B_SUB:
      floatRow(kind.B_SUB, a, b, out, n, stepA, stepB);
      break;
    case kind.B_MUL:
      floatRow(kind.B_MUL, a, b, out, n, stepA, stepB);
      break;
    case kind.B_DIV:
      floatRow(kind.B_DIV, a, b, out, n, stepA, stepB);
      break;
    case kind.B_MAX:
      floatRow(kind.B_MAX, a, b, out, n, stepA, stepB);
      break;
    case kind.B_MIN:
      floatRow(kind.B_MIN, a, b, out, n, stepA, stepB);
      break;
    case kind.B_SQUARED_DIFFERENCE:
      floatRow(kind.B_SQUARED_DIFFERENCE, a, b, out, n, stepA, stepB);
      break;
    default:
      unreachable();
  }
}

export function intOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  switch (k) {
    case kind.B_ADD:
      intRow(kind.B_ADD, a, b, out, n, stepA, stepB);
      break;
    case kind.B_SUB:
      intRow(kind.B_SUB, a, b, out, n, stepA, stepB);
      break;
    case kind.B_MUL:
      intRow(kind.B_MUL, a, b, out, n, stepA, stepB);
      break;
    case kind.B_MAX:
      intRow(kind.B_MAX, a, b, out, n, stepA, stepB);
      break;
    case kind.B_MIN:
      intRow(kind.B_MIN, a, b, out, n, stepA, stepB);
      break;
    case kind.B_SQUARED_DIFFERENCE:
      intRow(kind.B_SQUARED_DIFFERENCE, a, b, out, n, stepA, stepB);
      break;
    default:
      unreachable();
  }
}

export function compareFloatOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  switch (k) {
    case kind.C_EQ:
      compareFloatRow(kind.C_EQ, a, b, out, n, stepA, stepB);
      break;
    case kind.C_NE:
      compareFloatRow(kind.C_NE, a, b, out, n, stepA, stepB);
      break;
    case kind.C_LT:
      compareFloatRow(kind.C_LT, a, b, out, n, stepA, stepB);
      break;
    case kind.C_LE:
      compareFloatRow(kind.C_LE, a, b, out, n, stepA, stepB);
      break;
    case kind.C_GT:
      compareFloatRow(kind.C_GT, a, b, out, n, stepA, stepB);
      break;
    case kind.C_GE:
      compareFloatRow(kind.C_GE, a, b, out, n, stepA, stepB);
      break;
    default:
      unreachable();
  }
}

export function compareIntOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
  switch (k) {
    case kind.C_EQ:
      compareIntRow(kind.C_EQ, a, b, out, n, stepA, stepB);
      break;
    case kind.C_NE:
      compareIntRow(kind.C_NE, a, b, out, n, stepA, stepB);
      break;
    case kind.C_LT:
      compareIntRow(kind.C_LT, a, b, out, n, stepA, stepB);
      break;
    case kind.C_LE:
      compareIntRow(kind.C_LE, a, b, out, n, stepA, stepB);
      break;
    case kind.C_GT:
      compareIntRow(kind.C_GT, a, b, out, n, stepA, stepB);
      break;
    case kind.C_GE:
      compareIntRow(kind.C_GE, a, b, out, n, stepA, stepB);
      break;
    default:
      unreachable();
  }
}
