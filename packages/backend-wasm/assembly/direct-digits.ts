import { fourWords, half, halves } from './half';
import { laneSum, madd } from './lanes';

// The row's values as whole numbers of three digits, so that a product with a block's four-bit numbers is a dot product of bytes,
// of which a machine does 16 or more in one instruction. A group of 32 values has one scale, a power of two: the largest
// takes 22 bits, so a value is off by at most 2^-22 of the group's largest, about the size of float32's own rounding.
// Sums of a group are exact.

/** Bytes of a group: three digits of 32 values, the first digit the highest. */
const DIGITS: usize = 96;

// @ts-ignore: decorator
@inline
function laneMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** Four lanes of each of four vectors as 16 bytes; lanes are in the range of a signed byte. */
// @ts-ignore: decorator
@inline
function bytesOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const low = i16x8.narrow_i32x4_s(a, b), high = i16x8.narrow_i32x4_s(c, d);
  return i8x16.narrow_i16x8_s(low, high);
}

/** The lowest digit from -128 to 127, sign-extended. */
// @ts-ignore: decorator
@inline
function lowest(v: v128): v128 {
  return i32x4.shr_s(i32x4.shl(v, 24), 24);
}

/** 16 whole numbers as three signed digits of base 256. */
// @ts-ignore: decorator
@inline
function storeSigned(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  for (let place: usize = 64; ; place -= 32) {
    const la = lowest(a), lb = lowest(b), lc = lowest(c), ld = lowest(d);
    v128.store(to + place, bytesOf(la, lb, lc, ld));
    if (place == 0) break;
    a = i32x4.shr_s(i32x4.sub(a, la), 8);
    b = i32x4.shr_s(i32x4.sub(b, lb), 8);
    c = i32x4.shr_s(i32x4.sub(c, lc), 8);
    d = i32x4.shr_s(i32x4.sub(d, ld), 8);
  }
}

// @ts-ignore: decorator
@inline
function whole(at: usize, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), inverse)));
}

/** Largest magnitude of 32 values; NaN where one is. */
function largest(a: usize): f32 {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < 128; i += 16) most = f32x4.max(most, f32x4.abs(v128.load(a + i)));
  return laneMax(most);
}

/** The digits of all groups, then their scales, then the sums of their values. */
export function prepareDigits(to: usize, a: usize, k: i32): void {
  const groups = <usize>k >> 5;
  const scales = to + groups * DIGITS;
  for (let group: usize = 0; group < groups; group++, a += 128, to += DIGITS) {
    const most = largest(a);
    // exponents from -100 on, so that the scale and its inverse are normal numbers; smaller values are nothing beside any sum
    const exponent = max<i32>((reinterpret<i32>(most) >> 23) - 127, -100) - 21;
    let scale = reinterpret<f32>((exponent + 127) << 23);
    let inverse: f32 = 0;
    // infinity and NaN are passed on through the scale
    if (most < Infinity) inverse = reinterpret<f32>((127 - exponent) << 23);
    else scale = NaN;
    const factor = f32x4.splat(inverse);
    let total = f32x4.splat(0);
    for (let i: usize = 0; i < 128; i += 64) {
      const at = a + i, place = to + (i >> 2);
      const w = whole(at, factor), x = whole(at + 16, factor), y = whole(at + 32, factor), z = whole(at + 48, factor);
      storeSigned(place, w, x, y, z);
      total = f32x4.add(total, f32x4.add(v128.load(at), v128.load(at, 16)));
      total = f32x4.add(total, f32x4.add(v128.load(at, 32), v128.load(at, 48)));
    }
    store<f32>(scales + (group << 2), scale);
    store<f32>(scales + ((groups + group) << 2), laneSum(total));
  }
}

/**
 * 16 products of bytes, added in pairs; `b` has seven bits. The form that adds in fours is one instruction more often, but V8 11
 * computes it wrongly.
 */
// @ts-ignore: decorator
@inline
function dot16(a: v128, b: v128): v128 {
  return i16x8.relaxed_dot_i8x16_i7x16_s(a, b);
}

/** A digit of 32 values times four-bit numbers: sums of four products are below 2^15. */
// @ts-ignore: decorator
@inline
function nibbleDigit(x: usize, low: v128, high: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_s(i16x8.add(dot16(v128.load(x), low), dot16(v128.load(x, 16), high)));
}

/** The sum of 32 four-bit numbers times digits, in four lanes. */
// @ts-ignore: decorator
@inline
function nibbleDot(codes: usize, x: usize): v128 {
  const v = v128.load(codes), mask = i8x16.splat(15);
  const low = v128.and(v, mask), high = v128.and(i16x8.shr_u(v, 4), mask);
  const first = nibbleDigit(x, low, high), second = nibbleDigit(x + 32, low, high), third = nibbleDigit(x + 64, low, high);
  const upper = i32x4.add(i32x4.shl(first, 16), i32x4.shl(second, 8));
  return f32x4.convert_i32x4_s(i32x4.add(upper, third));
}

/** Blocks of four-bit numbers: four at a time, because their float16 numbers are read together. */
// @ts-ignore: decorator
@inline
export function dotQ4Digits(row: usize, x: usize, groups: i32, hasMinimum: bool): f32 {
  const bytes: usize = hasMinimum ? 20 : 18;
  const codes: usize = hasMinimum ? 4 : 2;
  let scales = x + <usize>groups * DIGITS;
  let sums = scales + (<usize>groups << 2);
  let sum = f32x4.splat(0), minima = sum;
  let g = 0;
  for (; g + 4 <= groups; g += 4, row += 4 * bytes, x += 4 * DIGITS, sums += 16, scales += 16) {
    const bits = fourWords(row, bytes);
    const factor = halves(v128.and(bits, i32x4.splat(0xffff)));
    // Q4_0 is a number from -8 on
    const m = hasMinimum ? halves(i32x4.shr_u(bits, 16)) : f32x4.mul(factor, f32x4.splat(-8));
    minima = madd(m, v128.load(sums), minima);
    const d = f32x4.mul(factor, v128.load(scales));
    sum = madd(v128.shuffle<f32>(d, d, 0, 0, 0, 0), nibbleDot(row + codes, x), sum);
    sum = madd(v128.shuffle<f32>(d, d, 1, 1, 1, 1), nibbleDot(row + bytes + codes, x + DIGITS), sum);
    sum = madd(v128.shuffle<f32>(d, d, 2, 2, 2, 2), nibbleDot(row + 2 * bytes + codes, x + 2 * DIGITS), sum);
    sum = madd(v128.shuffle<f32>(d, d, 3, 3, 3, 3), nibbleDot(row + 3 * bytes + codes, x + 3 * DIGITS), sum);
  }
  let rest: f32 = 0;
  for (; g < groups; g++, row += bytes, x += DIGITS, sums += 4, scales += 4) {
    const d = half(row);
    rest += (hasMinimum ? half(row + 2) : d * -8) * load<f32>(sums);
    sum = madd(f32x4.splat(d * load<f32>(scales)), nibbleDot(row + codes, x), sum);
  }
  return laneSum(sum) + (laneSum(minima) + rest);
}
