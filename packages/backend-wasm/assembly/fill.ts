import { argI, argP, rangeStart } from './layout';

/** args: out, number of 32-bit words, bits. */
export function fillWordsChunk(chunk: i32, chunks: i32): void {
  const out = argP(0);
  const n = argI(1);
  const bits = argI(2);
  const from = rangeStart(n, chunk, chunks, 16);
  const to = rangeStart(n, chunk + 1, chunks, 16);
  if (bits == 0) {
    memory.fill(out + (<usize>from << 2), 0, <usize>(to - from) << 2);
    return;
  }
  const v = i32x4.splat(bits);
  let i = from;
  for (; i + 4 <= to; i += 4) v128.store(out + (<usize>i << 2), v);
  for (; i < to; i++) store<i32>(out + (<usize>i << 2), bits);
}
