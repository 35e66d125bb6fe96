const floatView = new Float32Array(1);
const bitView = new Uint32Array(floatView.buffer);

function decodeOneFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * IEEE half precision bits → float32, exact.
 * @param into at least as long as the input; default: a new array
 */
export function decodeFloat16(
  bits: Uint16Array,
  into: Float32Array = new Float32Array(bits.length),
): Float32Array {
  for (let i = 0; i < bits.length; i++) into[i] = decodeOneFloat16(bits[i]!);
  return into;
}

function encodeOneFloat16(value: number): number {
  floatView[0] = value;
  const word = bitView[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 is halfway between the largest half and the next power of two
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // below 2⁻¹⁴ halves are multiples of 2⁻²⁴, which is the spacing of float32 from 0.5: adding rounds to even
    floatView[0] = Math.abs(value) + 0.5;
    return sign | (bitView[0]! - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** float32 → IEEE half precision bits, round to nearest, ties to even; overflow becomes infinity. */
export function encodeFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, encodeOneFloat16);
}
