/** float16 numbers, at any byte. Exact, infinities and NaN too. */

/** Zeros, subnormal numbers, infinities and NaN. */
function rareHalf(bits: u32): f32 {
  const sign = (bits & 0x8000) << 16;
  if ((bits & 0x7c00) != 0) return reinterpret<f32>(sign | 0x7f800000 | ((bits & 0x3ff) << 13));
  // the fraction is a whole number of 2⁻²⁴, the last place of numbers from 0.5 on; subnormal float32 would be slow
  const magnitude = reinterpret<f32>((bits & 0x3ff) | 0x3f000000) - 0.5;
  return reinterpret<f32>(sign | reinterpret<u32>(magnitude));
}

// @ts-ignore: decorator
@inline
export function half(at: usize): f32 {
  const bits = <u32>load<u16>(at);
  if ((bits & 0x7c00) - 0x400 >= 0x7800) return rareHalf(bits);
  return reinterpret<f32>(((bits & 0x8000) << 16) | (((bits & 0x7fff) << 13) + 0x38000000));
}

/** Four float16 numbers in the low halves of 32-bit lanes. */
// @ts-ignore: decorator
@inline
export function halves(bits: v128): v128 {
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  const magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const shifted = i32x4.shl(magnitude, 13);
  const isLarge = i32x4.gt_s(magnitude, i32x4.splat(0x7bff));
  const normal = i32x4.add(shifted, v128.bitselect(i32x4.splat(0x70000000), i32x4.splat(0x38000000), isLarge));
  const small = f32x4.sub(v128.or(magnitude, i32x4.splat(0x3f000000)), f32x4.splat(0.5));
  return v128.or(sign, v128.bitselect(small, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400))));
}

/** The words at four addresses `bytes` apart: a block's first float16 numbers. */
// @ts-ignore: decorator
@inline
export function fourWords(at: usize, bytes: usize): v128 {
  let v = v128.load32_zero(at);
  v = v128.load_lane<u32>(at + bytes, v, 1);
  v = v128.load_lane<u32>(at + 2 * bytes, v, 2);
  return v128.load_lane<u32>(at + 3 * bytes, v, 3);
}
