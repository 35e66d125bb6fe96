/** Rows of a micro-tile: 6 with fused multiply-add (12 accumulators of 16 registers), else 4. */
export const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
function put(c: usize, v: v128, accumulate: i32): void {
  v128.store(c, accumulate ? f32x4.add(v128.load(c), v) : v);
}

/**
 * C[MR, 8] (+)= A panel [kc][MR] · B panel [kc][8]. rowBytes: bytes between rows of C; kc > 0.
 *
 * The comparisons of kc with negative numbers are never true. Each ends a basic block, so that V8 multiplies
 * before it loads the next value of A; without them it hoists all loads, runs out of registers and keeps
 * accumulators on the stack (27 instead of 58 GFLOP/s on a Zen 3 core).
 */
export function microKernel(kc: i32, a: usize, b: usize, c: usize, rowBytes: usize, accumulate: i32): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero, c50 = zero, c51 = zero;
  let k = kc;
  while (k >= 2) {
    const b00 = v128.load(b, 0);
    const b01 = v128.load(b, 16);
    const a00 = v128.load32_splat(a, 0);
    c00 = madd(a00, b00, c00);
    c01 = madd(a00, b01, c01);
    if (kc == -3) break;
    const a01 = v128.load32_splat(a, 4);
    c10 = madd(a01, b00, c10);
    c11 = madd(a01, b01, c11);
    if (kc == -4) break;
    const a02 = v128.load32_splat(a, 8);
    c20 = madd(a02, b00, c20);
    c21 = madd(a02, b01, c21);
    if (kc == -5) break;
    const a03 = v128.load32_splat(a, 12);
    c30 = madd(a03, b00, c30);
    c31 = madd(a03, b01, c31);
    if (MR == 6) {
      if (kc == -6) break;
      const a04 = v128.load32_splat(a, 16);
      c40 = madd(a04, b00, c40);
      c41 = madd(a04, b01, c41);
      if (kc == -7) break;
      const a05 = v128.load32_splat(a, 20);
      c50 = madd(a05, b00, c50);
      c51 = madd(a05, b01, c51);
    }
    if (kc == -1) break;
    const b10 = v128.load(b, 32);
    const b11 = v128.load(b, 48);
    const a10 = v128.load32_splat(a, MR * 4 + 0);
    c00 = madd(a10, b10, c00);
    c01 = madd(a10, b11, c01);
    if (kc == -11) break;
    const a11 = v128.load32_splat(a, MR * 4 + 4);
    c10 = madd(a11, b10, c10);
    c11 = madd(a11, b11, c11);
    if (kc == -12) break;
    const a12 = v128.load32_splat(a, MR * 4 + 8);
    c20 = madd(a12, b10, c20);
    c21 = madd(a12, b11, c21);
    if (kc == -13) break;
    const a13 = v128.load32_splat(a, MR * 4 + 12);
    c30 = madd(a13, b10, c30);
    c31 = madd(a13, b11, c31);
    if (MR == 6) {
      if (kc == -14) break;
      const a14 = v128.load32_splat(a, MR * 4 + 16);
      c40 = madd(a14, b10, c40);
      c41 = madd(a14, b11, c41);
      if (kc == -15) break;
      const a15 = v128.load32_splat(a, MR * 4 + 20);
      c50 = madd(a15, b10, c50);
      c51 = madd(a15, b11, c51);
    }
    a += MR * 8;
    b += 64;
    k -= 2;
  }
  if (k == 1) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a, 0);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    const a1 = v128.load32_splat(a, 4);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 8);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 12);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    if (MR == 6) {
      const a4 = v128.load32_splat(a, 16);
      c40 = madd(a4, b0, c40);
      c41 = madd(a4, b1, c41);
      const a5 = v128.load32_splat(a, 20);
      c50 = madd(a5, b0, c50);
      c51 = madd(a5, b1, c51);
    }
  }
  put(c, c00, accumulate);
  put(c + 16, c01, accumulate);
  c += rowBytes;
  put(c, c10, accumulate);
  put(c + 16, c11, accumulate);
  c += rowBytes;
  put(c, c20, accumulate);
  put(c + 16, c21, accumulate);
  c += rowBytes;
  put(c, c30, accumulate);
  put(c + 16, c31, accumulate);
  if (MR == 6) {
    c += rowBytes;
    put(c, c40, accumulate);
    put(c + 16, c41, accumulate);
    c += rowBytes;
    put(c, c50, accumulate);
    put(c + 16, c51, accumulate);
  }
}
