import * as kind from './binary-kinds';
import { argI, argP, rangeStart, scratchTile } from './layout';
import { copyWords, maskBytes } from './lanes';
import { storeBytes } from './unary';

// Broadcast operations. args: a, b, out, kind, n, inner, stepA, stepB, dims, then per outer dimension (outermost
// first) size, strideA, strideB. The output is a sequence of rows of `inner` elements; within a row an operand
// advances by its step (1 or 0), between rows by its strides (elements).

const DIMS: i32 = 9;

/** Element offset of row `row` of operand `which` (0: a, 1: b). */
function rowOffset(row: i32, which: i32): usize {
  let rest = row;
  let offset = 0;
  for (let d = argI(8) - 1; d >= 0; d--) {
    const size = argI(DIMS + 3 * d);
    const next = rest / size;
    offset += (rest - next * size) * argI(DIMS + 3 * d + 1 + which);
    rest = next;
  }
  return <usize>offset;
}

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

function floatOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
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

function intOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
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

function compareFloatOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
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

function compareIntOp(k: i32, a: usize, b: usize, out: usize, n: i32, stepA: i32, stepB: i32): void {
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

/** One row: whole vectors in place, the rest through a tile, so that nothing beyond the row is written. */
function arithmeticRow(
  type: i32,
  k: i32,
  a: usize,
  b: usize,
  out: usize,
  n: i32,
  stepA: i32,
  stepB: i32,
): void {
  const whole = n & ~3;
  if (type == 0) floatOp(k, a, b, out, whole, stepA, stepB);
  else intOp(k, a, b, out, whole, stepA, stepB);
  if (whole == n) return;
  const offset = <usize>whole << 2;
  const x = a + offset * <usize>stepA;
  const y = b + offset * <usize>stepB;
  const tile = scratchTile();
  if (type == 0) floatOp(k, x, y, tile, 4, stepA, stepB);
  else intOp(k, x, y, tile, 4, stepA, stepB);
  copyWords(out + offset, tile, n - whole);
}

/** `type`: 0 float, 1 int, 2 comparison of floats, 3 comparison of ints (one byte per result). */
export function binaryChunk(type: i32, chunk: i32, chunks: i32): void {
  const k = argI(3);
  const n = argI(4);
  const inner = argI(5);
  const stepA = argI(6);
  const stepB = argI(7);
  const outShift: usize = type < 2 ? 2 : 0;
  let at = rangeStart(n, chunk, chunks, 16);
  const end = rangeStart(n, chunk + 1, chunks, 16);
  let row = at / inner;
  let column = at - row * inner;
  while (at < end) {
    const length = min(inner - column, end - at);
    const a = argP(0) + ((rowOffset(row, 0) + <usize>(column * stepA)) << 2);
    const b = argP(1) + ((rowOffset(row, 1) + <usize>(column * stepB)) << 2);
    const out = argP(2) + (<usize>at << outShift);
    if (type < 2) arithmeticRow(type, k, a, b, out, length, stepA, stepB);
    else if (type == 2) compareFloatOp(k, a, b, out, length, stepA, stepB);
    else compareIntOp(k, a, b, out, length, stepA, stepB);
    at += length;
    column = 0;
    row++;
  }
}
