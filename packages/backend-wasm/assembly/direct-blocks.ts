import { Q4_0, Q4_1, Q8_0 } from './blocks';
import { dotQ4Digits, prepareDigits } from './direct-digits';
import { fourWords, half, halves } from './half';
import { laneSum, madd } from './lanes';

// One row times stored rows of blocks of 32 values, without widening them: a block's whole numbers are multiplied as they are
// and the sum is scaled once. With relaxed SIMD and four bits the row's values are whole numbers too (direct-digits.ts).

/** Whether `dotBlocks` has this storage. */
// @ts-ignore: decorator
@inline
export function hasDotBlocks(kind: i32): bool {
  return kind == Q8_0 || kind == Q4_0 || kind == Q4_1;
}

/** Bytes that `prepare` writes. */
// @ts-ignore: decorator
@inline
export function preparedBytes(k: i32): usize {
  return (<usize>k << 2) + (<usize>k >> 2);
}

/**
 * The row of k values at `a` in the order in which `dotBlocks` reads it, then the sum of each 32.
 *
 * A vector of 16 bytes has the nibbles of 32 values. In its 32-bit lanes, nibble number 2j + h of lane l belongs to value
 * 16h + 4l + j. Odd nibbles are taken where they stand, as 16 times their number, so their factors are a sixteenth.
 */
export function prepare(to: usize, a: usize, k: i32, kind: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD && kind != Q8_0) return prepareDigits(to, a, k);
  const sums = to + (<usize>k << 2);
  for (let group: usize = 0, groups = <usize>k >> 5; group < groups; group++, a += 128, to += 128) {
    let total = f32x4.splat(0);
    for (let h: usize = 0; h < 2; h++) {
      const x0 = v128.load(a + (h << 6)), x1 = v128.load(a + (h << 6), 16);
      const x2 = v128.load(a + (h << 6), 32), x3 = v128.load(a + (h << 6), 48);
      total = f32x4.add(total, f32x4.add(f32x4.add(x0, x1), f32x4.add(x2, x3)));
      if (kind == Q8_0) continue;
      const p0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), p1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const q0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), q1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      const factor = f32x4.splat(h == 1 ? 0.0625 : 1);
      const place = to + (h << 4);
      v128.store(place, f32x4.mul(v128.shuffle<f32>(p0, q0, 0, 1, 4, 5), factor));
      v128.store(place, f32x4.mul(v128.shuffle<f32>(p0, q0, 2, 3, 6, 7), factor), 32);
      v128.store(place, f32x4.mul(v128.shuffle<f32>(p1, q1, 0, 1, 4, 5), factor), 64);
      // the last nibble of a lane is shifted down, because a signed number would begin with it
      const last = v128.shuffle<f32>(p1, q1, 2, 3, 6, 7);
      v128.store(place, last, 96);
    }
    if (kind == Q8_0) memory.copy(to, a, 128);
    store<f32>(sums + (group << 2), laneSum(total));
  }
}

// @ts-ignore: decorator
@inline
function times(whole: v128, x: usize, offset: usize, sum: v128): v128 {
  return madd(f32x4.convert_i32x4_s(whole), v128.load(x + offset), sum);
}

/** Sums of 32 values' whole numbers times x. */
// @ts-ignore: decorator
@inline
function nibbleSums(codes: usize, x: usize): v128 {
  const low = i32x4.splat(15), high = i32x4.splat(0xf0);
  const v0 = v128.load(codes), v1 = i32x4.shr_u(v0, 8), v2 = i32x4.shr_u(v0, 16), v3 = i32x4.shr_u(v0, 24);
  let s = f32x4.mul(f32x4.convert_i32x4_s(v128.and(v0, low)), v128.load(x));
  let t = f32x4.mul(f32x4.convert_i32x4_s(v128.and(v0, high)), v128.load(x, 16));
  s = times(v128.and(v1, low), x, 32, s);
  t = times(v128.and(v1, high), x, 48, t);
  s = times(v128.and(v2, low), x, 64, s);
  t = times(v128.and(v2, high), x, 80, t);
  s = times(v128.and(v3, low), x, 96, s);
  t = times(i32x4.shr_u(v0, 28), x, 112, t);
  return f32x4.add(s, t);
}

// @ts-ignore: decorator
@inline
function byteSums(codes: usize, x: usize): v128 {
  let s = f32x4.splat(0), t = s;
  for (let i: usize = 0; i < 4; i++) {
    const words = v128.load_ext<i8>(codes + (i << 3));
    s = times(i32x4.extend_low_i16x8_s(words), x, i << 5, s);
    t = times(i32x4.extend_high_i16x8_s(words), x, (i << 5) + 16, t);
  }
  return f32x4.add(s, t);
}

/** Blocks of four-bit numbers with a minimum: four at a time, because their float16 numbers are read together. */
function dotQ4(row: usize, x: usize, sums: usize, groups: i32, hasMinimum: bool): f32 {
  const bytes: usize = hasMinimum ? 20 : 18;
  const codes: usize = hasMinimum ? 4 : 2;
  let sum = f32x4.splat(0), minima = sum;
  let g = 0;
  for (; g + 4 <= groups; g += 4, row += 4 * bytes, x += 512, sums += 16) {
    const bits = fourWords(row, bytes);
    const d = halves(v128.and(bits, i32x4.splat(0xffff)));
    // Q4_0 is a number from −8 on
    const m = hasMinimum ? halves(i32x4.shr_u(bits, 16)) : f32x4.mul(d, f32x4.splat(-8));
    minima = madd(m, v128.load(sums), minima);
    sum = madd(v128.shuffle<f32>(d, d, 0, 0, 0, 0), nibbleSums(row + codes, x), sum);
    sum = madd(v128.shuffle<f32>(d, d, 1, 1, 1, 1), nibbleSums(row + bytes + codes, x + 128), sum);
    sum = madd(v128.shuffle<f32>(d, d, 2, 2, 2, 2), nibbleSums(row + 2 * bytes + codes, x + 256), sum);
    sum = madd(v128.shuffle<f32>(d, d, 3, 3, 3, 3), nibbleSums(row + 3 * bytes + codes, x + 384), sum);
  }
  let rest: f32 = 0;
  for (; g < groups; g++, row += bytes, x += 128, sums += 4) {
    const d = half(row);
    rest += (hasMinimum ? half(row + 2) : d * -8) * load<f32>(sums);
    sum = madd(f32x4.splat(d), nibbleSums(row + codes, x), sum);
  }
  return laneSum(sum) + (laneSum(minima) + rest);
}

function dotQ8(row: usize, x: usize, groups: i32): f32 {
  let sum = f32x4.splat(0);
  let g = 0;
  for (; g + 4 <= groups; g += 4, row += 136, x += 512) {
    const d = halves(v128.and(fourWords(row, 34), i32x4.splat(0xffff)));
    sum = madd(v128.shuffle<f32>(d, d, 0, 0, 0, 0), byteSums(row + 2, x), sum);
    sum = madd(v128.shuffle<f32>(d, d, 1, 1, 1, 1), byteSums(row + 36, x + 128), sum);
    sum = madd(v128.shuffle<f32>(d, d, 2, 2, 2, 2), byteSums(row + 70, x + 256), sum);
    sum = madd(v128.shuffle<f32>(d, d, 3, 3, 3, 3), byteSums(row + 104, x + 384), sum);
  }
  for (; g < groups; g++, row += 34, x += 128) sum = madd(f32x4.splat(half(row)), byteSums(row + 2, x), sum);
  return laneSum(sum);
}

/** The row of `prepare` times the stored row at `row`. */
export function dotBlocks(row: usize, prepared: usize, k: i32, kind: i32): f32 {
  const groups = k >> 5;
  if (kind == Q8_0) return dotQ8(row, prepared, groups);
  if (ASC_FEATURE_RELAXED_SIMD) {
    return kind == Q4_1 ? dotQ4Digits(row, prepared, groups, true) : dotQ4Digits(row, prepared, groups, false);
  }
  const sums = prepared + (<usize>k << 2);
  return kind == Q4_1 ? dotQ4(row, prepared, sums, groups, true) : dotQ4(row, prepared, sums, groups, false);
}
