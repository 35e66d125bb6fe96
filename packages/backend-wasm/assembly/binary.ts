import { compareFloatOp, compareIntOp, floatOp, intOp } from './binary-rows';
import { copyWords } from './lanes';
import { argI, argP, rangeStart, scratchTile } from './layout';

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
