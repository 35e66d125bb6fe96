import { argI, argP, rangeStart } from './layout';
import { loadBytes, storeTail } from './lanes';

/** args: condition (bytes), yes, no, out, n: 32-bit elements of `yes` where the condition is not 0, else of `no`. */
export function selectChunk(chunk: i32, chunks: i32): void {
  const condition = argP(0);
  const n = argI(4);
  const to = rangeStart(n, chunk + 1, chunks, 16);
  const zero = i32x4.splat(0);
  for (let i = rangeStart(n, chunk, chunks, 16); i < to; i += 4) {
    const offset = <usize>i << 2;
    const mask = i32x4.ne(loadBytes(condition + <usize>i), zero);
    const v = v128.bitselect(v128.load(argP(1) + offset), v128.load(argP(2) + offset), mask);
    if (to - i >= 4) v128.store(argP(3) + offset, v);
    else storeTail(argP(3) + offset, v, to - i);
  }
}

/** args: a, b, out, n, kind (0 and, 1 or, 2 not a); bytes 0 or 1. */
export function logicalChunk(chunk: i32, chunks: i32): void {
  const a = argP(0);
  const b = argP(1);
  const out = argP(2);
  const n = argI(3);
  const k = argI(4);
  const to = rangeStart(n, chunk + 1, chunks, 64);
  for (let i = <usize>rangeStart(n, chunk, chunks, 64); i < <usize>to; i++) {
    const x = <i32>load<u8>(a + i);
    const y = <i32>load<u8>(b + i);
    const r = k == 0 ? (x != 0 && y != 0) : k == 1 ? (x != 0 || y != 0) : x == 0;
    store<u8>(out + i, <u8>r);
  }
}

/**
 * args: x, out, n, kind. A real copy in the new type: 0 float → int (towards zero), 1 int → float,
 * 2 byte → float, 3 byte → int, 4 float → byte (not 0), 5 int → byte (not 0).
 */
export function castChunk(chunk: i32, chunks: i32): void {
  const x = argP(0);
  const out = argP(1);
  const n = argI(2);
  const k = argI(3);
  const to = rangeStart(n, chunk + 1, chunks, 64);
  for (let i = rangeStart(n, chunk, chunks, 64); i < to; i++) {
    const word = <usize>i << 2;
    const byte = <usize>i;
    if (k == 0) store<i32>(out + word, <i32>load<f32>(x + word));
    else if (k == 1) store<f32>(out + word, <f32>load<i32>(x + word));
    else if (k == 2) store<f32>(out + word, <f32>load<u8>(x + byte));
    else if (k == 3) store<i32>(out + word, <i32>load<u8>(x + byte));
    else if (k == 4) store<u8>(out + byte, <u8>(load<f32>(x + word) != 0));
    else store<u8>(out + byte, <u8>(load<i32>(x + word) != 0));
  }
}
