import { half } from './half';

// Rows of GGML's blocks, widened 32 values at a time: a block of 32 values, or one of the eight parts of a block of 256.
// The values are bit for bit those of ggml-quants.c, so no product and sum here is fused.

/** Kinds of storage, as in src/compressed-matrix.ts; those before are bfloat16 (1), int8 (2) and float16 (3). */
export const Q8_0: i32 = 4;
export const Q4_0: i32 = 5;
export const Q4_1: i32 = 6;
export const Q5_0: i32 = 7;
export const Q5_1: i32 = 8;
export const Q4_K: i32 = 9;
export const Q5_K: i32 = 10;
export const Q6_K: i32 = 11;

// @ts-ignore: decorator
@inline
export function isBlocks(kind: i32): bool {
  return kind >= Q8_0;
}

/** Bytes of a block. */
export function blockBytes(kind: i32): usize {
  switch (kind) {
    case Q8_0:
      return 34;
    case Q4_0:
      return 18;
    case Q4_1:
      return 20;
    case Q5_0:
      return 22;
    case Q5_1:
      return 24;
    case Q4_K:
      return 144;
    case Q5_K:
      return 176;
    default:
      return 210;
  }
}

/** log2 of the groups of 32 values in a block. */
// @ts-ignore: decorator
@inline
export function groupShift(kind: i32): i32 {
  return kind >= Q4_K ? 3 : 0;
}

/** Bytes of a row of `columns` values, or of as many values of one. */
// @ts-ignore: decorator
@inline
export function blockRowBytes(kind: i32, columns: i32): usize {
  return <usize>(columns >> (5 + groupShift(kind))) * blockBytes(kind);
}

// @ts-ignore: decorator
@inline
function low4(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words));
}

// @ts-ignore: decorator
@inline
function high4(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words));
}

/** 16 signed bytes times `scale`. */
// @ts-ignore: decorator
@inline
function scaled(to: usize, bytes: v128, scale: f32): void {
  const low = i16x8.extend_low_i8x16_s(bytes), high = i16x8.extend_high_i8x16_s(bytes);
  const d = f32x4.splat(scale);
  v128.store(to, f32x4.mul(low4(low), d));
  v128.store(to, f32x4.mul(high4(low), d), 16);
  v128.store(to, f32x4.mul(low4(high), d), 32);
  v128.store(to, f32x4.mul(high4(high), d), 48);
}

/** 16 signed bytes times `scale`, plus `minimum`. */
// @ts-ignore: decorator
@inline
function shifted(to: usize, bytes: v128, scale: f32, minimum: f32): void {
  const low = i16x8.extend_low_i8x16_s(bytes), high = i16x8.extend_high_i8x16_s(bytes);
  const d = f32x4.splat(scale), m = f32x4.splat(minimum);
  v128.store(to, f32x4.add(f32x4.mul(low4(low), d), m));
  v128.store(to, f32x4.add(f32x4.mul(high4(low), d), m), 16);
  v128.store(to, f32x4.add(f32x4.mul(low4(high), d), m), 32);
  v128.store(to, f32x4.add(f32x4.mul(high4(high), d), m), 48);
}

// @ts-ignore: decorator
@inline
function lowNibbles(v: v128): v128 {
  return v128.and(v, i8x16.splat(15));
}

// @ts-ignore: decorator
@inline
function highNibbles(v: v128): v128 {
  return i8x16.shr_u(v, 4);
}

/** 16 where the bit of the place is set: places 0 … 15 have the bits of the two bytes that are repeated eight times. */
// @ts-ignore: decorator
@inline
function fifthBits(repeated: v128): v128 {
  const bit = i64x2.splat(0x8040201008040201);
  return v128.and(i8x16.eq(v128.and(repeated, bit), bit), i8x16.splat(16));
}

// @ts-ignore: decorator
@inline
function firstFifthBits(at: usize): v128 {
  const v = v128.load32_splat(at);
  return fifthBits(v128.shuffle<i8>(v, v, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
}

// @ts-ignore: decorator
@inline
function lastFifthBits(at: usize): v128 {
  const v = v128.load32_splat(at);
  return fifthBits(v128.shuffle<i8>(v, v, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
}

/** Blocks of 32 values. */
function widenBlock(to: usize, at: usize, kind: i32): void {
  const d = half(at);
  if (kind == Q8_0) {
    scaled(to, v128.load(at, 2), d);
    scaled(to + 64, v128.load(at, 18), d);
  } else if (kind == Q4_0) {
    const v = v128.load(at, 2), eight = i8x16.splat(8);
    scaled(to, i8x16.sub(lowNibbles(v), eight), d);
    scaled(to + 64, i8x16.sub(highNibbles(v), eight), d);
  } else if (kind == Q4_1) {
    const v = v128.load(at, 4);
    const m = half(at + 2);
    shifted(to, lowNibbles(v), d, m);
    shifted(to + 64, highNibbles(v), d, m);
  } else if (kind == Q5_0) {
    const v = v128.load(at, 6), sixteen = i8x16.splat(16);
    scaled(to, i8x16.sub(v128.or(lowNibbles(v), firstFifthBits(at + 2)), sixteen), d);
    scaled(to + 64, i8x16.sub(v128.or(highNibbles(v), lastFifthBits(at + 2)), sixteen), d);
  } else {
    const v = v128.load(at, 8);
    const m = half(at + 2);
    shifted(to, v128.or(lowNibbles(v), firstFifthBits(at + 4)), d, m);
    shifted(to + 64, v128.or(highNibbles(v), lastFifthBits(at + 4)), d, m);
  }
}

/** The six-bit scale of a part of Q4_K and Q5_K, or with `shift` 4 its minimum; `at`: the twelve bytes of them. */
// @ts-ignore: decorator
@inline
function sixBits(at: usize, part: i32, shift: i32): f32 {
  const own = at + <usize>part;
  if (part < 4) return <f32>(<i32>load<u8>(own + <usize>shift) & 63);
  const low = (<i32>load<u8>(own, 4) >> shift) & 15;
  return <f32>(low | ((<i32>load<u8>(own + <usize>shift - 4) >> 6) << 4));
}

// @ts-ignore: decorator
@inline
function nibbles(v: v128, isHigh: i32): v128 {
  return isHigh ? highNibbles(v) : lowNibbles(v);
}

/** Q4_K and Q5_K. */
function widenPart(to: usize, at: usize, part: i32, kind: i32): void {
  const d = half(at) * sixBits(at + 4, part, 0);
  const m = -(half(at + 2) * sixBits(at + 4, part, 4));
  const codes = at + (kind == Q5_K ? 48 : 16) + (<usize>(part >> 1) << 5);
  let first = nibbles(v128.load(codes), part & 1);
  let last = nibbles(v128.load(codes, 16), part & 1);
  if (kind == Q5_K) {
    const one = i8x16.splat(1);
    first = v128.or(first, i8x16.shl(v128.and(i8x16.shr_u(v128.load(at, 16), part), one), 4));
    last = v128.or(last, i8x16.shl(v128.and(i8x16.shr_u(v128.load(at, 32), part), one), 4));
  }
  shifted(to, first, d, m);
  shifted(to + 64, last, d, m);
}

/** Q6_K: bits 0 … 3 of the codes, then bits 4 and 5, then a signed scale for each 16 values. */
function widenSixBits(to: usize, at: usize, part: i32): void {
  const quarter = part & 3;
  const low = at + (<usize>(part >> 2) << 6) + (<usize>(quarter & 1) << 5);
  const high = at + 128 + (<usize>(part >> 2) << 5);
  const shift = quarter << 1;
  const three = i8x16.splat(3), middle = i8x16.splat(32);
  const d = half(at + 208);
  const scales = at + 192 + (<usize>part << 1);
  const first = i8x16.shl(v128.and(i8x16.shr_u(v128.load(high), shift), three), 4);
  const last = i8x16.shl(v128.and(i8x16.shr_u(v128.load(high, 16), shift), three), 4);
  const x = v128.or(nibbles(v128.load(low), quarter >> 1), first);
  const y = v128.or(nibbles(v128.load(low, 16), quarter >> 1), last);
  scaled(to, i8x16.sub(x, middle), d * <f32>load<i8>(scales));
  scaled(to + 64, i8x16.sub(y, middle), d * <f32>load<i8>(scales, 1));
}

/** n values, a multiple of 32, from group number `first` of the row at `from`. */
export function widenGroups(to: usize, from: usize, first: i32, n: i32, kind: i32): void {
  const bytes = blockBytes(kind);
  const end = to + (<usize>n << 2);
  if (kind < Q4_K) {
    for (let at = from + <usize>first * bytes; to < end; to += 128, at += bytes) widenBlock(to, at, kind);
    return;
  }
  for (let group = first; to < end; to += 128, group++) {
    const at = from + <usize>(group >> 3) * bytes;
    if (kind == Q6_K) widenSixBits(to, at, group & 7);
    else widenPart(to, at, group & 7, kind);
  }
}
