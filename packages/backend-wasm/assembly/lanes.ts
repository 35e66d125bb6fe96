/** a · b + c, fused in the relaxed build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Writes the first n (1 … 3) lanes. */
// @ts-ignore: decorator
@inline
export function storeTail(to: usize, v: v128, n: i32): void {
  v128.store_lane<u32>(to, v, 0);
  if (n > 1) v128.store_lane<u32>(to, v, 1, 4);
  if (n > 2) v128.store_lane<u32>(to, v, 2, 8);
}

/** Sum of the lanes in a fixed order. */
// @ts-ignore: decorator
@inline
export function laneSum(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** The mask lanes (0 or -1) as four bytes 0 or 1. */
// @ts-ignore: decorator
@inline
export function maskBytes(mask: v128): u32 {
  const words = i16x8.narrow_i32x4_s(mask, mask);
  const bytes = i8x16.narrow_i16x8_s(words, words);
  return <u32>i32x4.extract_lane(bytes, 0) & 0x01010101;
}

/** Four bytes at `from` as 32-bit lanes. */
// @ts-ignore: decorator
@inline
export function loadBytes(from: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
}

/** Copies n 32-bit words. */
// @ts-ignore: decorator
@inline
export function copyWords(to: usize, from: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n; i++) store<u32>(to + (i << 2), load<u32>(from + (i << 2)));
}
