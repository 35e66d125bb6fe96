import { isBlocks } from './blocks';
import { BFLOAT16, bytesOf, FLOAT16, highBfloat16, highFloats, lowBfloat16, lowFloats, scaleOf, widenRow } from './compressed';
import { dotBlocks, hasDotBlocks, prepare, preparedBytes } from './direct-blocks';
import { dot } from './direct-product';
import { laneSum, madd } from './lanes';
import { argI, argP, rangeStart, SCRATCH_USER_BYTES, scratchUser } from './layout';

// Products of a few rows with a compressed matrix, which is read once and not packed.

function dotBfloat16(a: usize, b: usize, k: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= k; i += 16, a += 64, b += 32) {
    const low = v128.load(b), high = v128.load(b, 16);
    s0 = madd(v128.load(a), lowBfloat16(low), s0);
    s1 = madd(v128.load(a, 16), highBfloat16(low), s1);
    s2 = madd(v128.load(a, 32), lowBfloat16(high), s2);
    s3 = madd(v128.load(a, 48), highBfloat16(high), s3);
  }
  let sum = laneSum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < k; i++, a += 4, b += 2) sum += load<f32>(a) * reinterpret<f32>(<u32>load<u16>(b) << 16);
  return sum;
}

function dotInt8(a: usize, b: usize, k: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= k; i += 16, a += 64, b += 16) {
    const v = v128.load(b);
    const low = i16x8.extend_low_i8x16_s(v), high = i16x8.extend_high_i8x16_s(v);
    s0 = madd(v128.load(a), lowFloats(low), s0);
    s1 = madd(v128.load(a, 16), highFloats(low), s1);
    s2 = madd(v128.load(a, 32), lowFloats(high), s2);
    s3 = madd(v128.load(a, 48), highFloats(high), s3);
  }
  let sum = laneSum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < k; i++, a += 4, b += 1) sum += load<f32>(a) * <f32>load<i8>(b);
  return sum;
}

/** Values of a stored row that are widened at a time; they stay in the first cache. */
const PIECE: i32 = 2048;

/** C[0 … m, j]: the stored row is widened once for all rows of A. */
function column(c: usize, cRow: usize, row: usize, m: i32, k: i32, kind: i32): void {
  const widened = scratchUser();
  for (let p = 0; p < k; p += PIECE) {
    const count = min(PIECE, k - p);
    widenRow(widened, row, p, count, kind, 1);
    for (let i = 0; i < m; i++) {
      const to = c + <usize>i * cRow;
      const sum = dot(argP(0) + ((<usize>i * <usize>k + <usize>p) << 2), widened, count);
      store<f32>(to, p == 0 ? sum : load<f32>(to) + sum);
    }
  }
}

/** args: a [m, k], values [n, k], scales, kind, c [m, n], m, n, k: few rows. A chunk is a range of columns of C. */
export function directCompressedChunk(chunk: i32, chunks: i32): void {
  const kind = argI(3);
  const m = argI(5);
  const n = argI(6);
  const k = argI(7);
  const bytes = bytesOf(k, kind);
  const cRow = <usize>n << 2;
  const from = rangeStart(n, chunk, chunks, 16);
  const to = rangeStart(n, chunk + 1, chunks, 16);
  if (m == 1 && hasDotBlocks(kind) && preparedBytes(k) <= SCRATCH_USER_BYTES) {
    prepare(scratchUser(), argP(0), k, kind);
    for (let j = from; j < to; j++) {
      store<f32>(argP(4) + (<usize>j << 2), dotBlocks(argP(1) + <usize>j * bytes, scratchUser(), k, kind));
    }
    return;
  }
  for (let j = from; j < to; j++) {
    const row = argP(1) + <usize>j * bytes;
    const c = argP(4) + (<usize>j << 2);
    if (isBlocks(kind) || kind == FLOAT16) {
      column(c, cRow, row, m, k, kind);
      continue;
    }
    for (let i = 0; i < m; i++) {
      const a = argP(0) + ((<usize>i * <usize>k) << 2);
      const sum = kind == BFLOAT16 ? dotBfloat16(a, row, k) : dotInt8(a, row, k) * scaleOf(argP(2), j, kind);
      store<f32>(c + <usize>i * cRow, sum);
    }
  }
}
