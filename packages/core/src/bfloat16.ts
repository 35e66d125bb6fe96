/**
 * bfloat16 bits → float32, exact.
 * @param into at least as long as the input; default: a new array
 */
export function decodeBfloat16(
  bits: Uint16Array,
  into: Float32Array = new Float32Array(bits.length),
): Float32Array {
  const words = new Uint32Array(into.buffer, into.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return into;
}

/** float32 → bfloat16 bits, round to nearest, ties to even. */
export function encodeBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    // rounding would carry some NaNs into infinity
    bits[i] = isNan ? (word >>> 16) | 0x0040 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
