// Made by scripts/micro-kernel.mjs.

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
function put(c: usize, v: v128, w: v128, accumulate: i32): void {
  // an engine can make one 256-bit operation of two adjacent vectors only within a basic block, both read before one is written
  if (accumulate) {
    const x = f32x4.add(v128.load(c), v), y = f32x4.add(v128.load(c, 16), w);
    v128.store(c, x);
    v128.store(c, y, 16);
  } else {
    v128.store(c, v);
    v128.store(c, w, 16);
  }
}

/**
 * C[MR, 8] (+)= A panel [kc][MR] · B panel [kc][8]. rowBytes: bytes between rows of C; kc > 0.
 *
 * The comparisons of kc with negative numbers are never true. Each ends a basic block, so that V8 multiplies
 * before it loads the next value of A; without them it hoists all loads, runs out of registers and keeps
 * accumulators on the stack (27 instead of 58 GFLOP/s on a Zen 3 core). 8 steps a round, because V8 checks
 * its stack limit in every round.
 */
export function microKernel(kc: i32, a: usize, b: usize, c: usize, rowBytes: usize, accumulate: i32): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero;
  let c10 = zero, c11 = zero;
  let c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero;
  let c40 = zero, c41 = zero;
  let c50 = zero, c51 = zero;
  let k = kc;
  while (k >= 8) {
    const b00 = v128.load(b, 0);
    const b01 = v128.load(b, 16);
    const a00 = v128.load32_splat(a, MR * 0 + 0);
    c00 = madd(a00, b00, c00);
    c01 = madd(a00, b01, c01);
    if (kc == -2) break;
    const a01 = v128.load32_splat(a, MR * 0 + 4);
    c10 = madd(a01, b00, c10);
    c11 = madd(a01, b01, c11);
    if (kc == -3) break;
    const a02 = v128.load32_splat(a, MR * 0 + 8);
    c20 = madd(a02, b00, c20);
    c21 = madd(a02, b01, c21);
    if (kc == -4) break;
    const a03 = v128.load32_splat(a, MR * 0 + 12);
    c30 = madd(a03, b00, c30);
    c31 = madd(a03, b01, c31);
    if (MR == 6) {
      if (kc == -5) break;
      const a04 = v128.load32_splat(a, MR * 0 + 16);
      c40 = madd(a04, b00, c40);
      c41 = madd(a04, b01, c41);
      if (kc == -6) break;
      const a05 = v128.load32_splat(a, MR * 0 + 20);
      c50 = madd(a05, b00, c50);
      c51 = madd(a05, b01, c51);
    }
    if (kc == -7) break;
    const b10 = v128.load(b, 32);
    const b11 = v128.load(b, 48);
    const a10 = v128.load32_splat(a, MR * 4 + 0);
    c00 = madd(a10, b10, c00);
    c01 = madd(a10, b11, c01);
    if (kc == -8) break;
    const a11 = v128.load32_splat(a, MR * 4 + 4);
    c10 = madd(a11, b10, c10);
    c11 = madd(a11, b11, c11);
    if (kc == -9) break;
    const a12 = v128.load32_splat(a, MR * 4 + 8);
    c20 = madd(a12, b10, c20);
    c21 = madd(a12, b11, c21);
    if (kc == -10) break;
    const a13 = v128.load32_splat(a, MR * 4 + 12);
    c30 = madd(a13, b10, c30);
    c31 = madd(a13, b11, c31);
    if (MR == 6) {
      if (kc == -11) break;
      const a14 = v128.load32_splat(a, MR * 4 + 16);
      c40 = madd(a14, b10, c40);
      c41 = madd(a14, b11, c41);
      if (kc == -12) break;
      const a15 = v128.load32_splat(a, MR * 4 + 20);
      c50 = madd(a15, b10, c50);
      c51 = madd(a15, b11, c51);
    }
    if (kc == -13) break;
    const b20 = v128.load(b, 64);
    const b21 = v128.load(b, 80);
    const a20 = v128.load32_splat(a, MR * 8 + 0);
    c00 = madd(a20, b20, c00);
    c01 = madd(a20, b21, c01);
    if (kc == -14) break;
    const a21 = v128.load32_splat(a, MR * 8 + 4);
    c10 = madd(a21, b20, c10);
    c11 = madd(a21, b21, c11);
    if (kc == -15) break;
    const a22 = v128.load32_splat(a, MR * 8 + 8);
    c20 = madd(a22, b20, c20);
    c21 = madd(a22, b21, c21);
    if (kc == -16) break;
    const a23 = v128.load32_splat(a, MR * 8 + 12);
    c30 = madd(a23, b20, c30);
    c31 = madd(a23, b21, c31);
    if (MR == 6) {
      if (kc == -17) break;
      const a24 = v128.load32_splat(a, MR * 8 + 16);
      c40 = madd(a24, b20, c40);
      c41 = madd(a24, b21, c41);
      if (kc == -18) break;
      const a25 = v128.load32_splat(a, MR * 8 + 20);
      c50 = madd(a25, b20, c50);
      c51 = madd(a25, b21, c51);
    }
    if (kc == -19) break;
    const b30 = v128.load(b, 96);
    const b31 = v128.load(b, 112);
    const a30 = v128.load32_splat(a, MR * 12 + 0);
    c00 = madd(a30, b30, c00);
    c01 = madd(a30, b31, c01);
    if (kc == -20) break;
    const a31 = v128.load32_splat(a, MR * 12 + 4);
    c10 = madd(a31, b30, c10);
    c11 = madd(a31, b31, c11);
    if (kc == -21) break;
    const a32 = v128.load32_splat(a, MR * 12 + 8);
    c20 = madd(a32, b30, c20);
    c21 = madd(a32, b31, c21);
    if (kc == -22) break;
    const a33 = v128.load32_splat(a, MR * 12 + 12);
    c30 = madd(a33, b30, c30);
    c31 = madd(a33, b31, c31);
    if (MR == 6) {
      if (kc == -23) break;
      const a34 = v128.load32_splat(a, MR * 12 + 16);
      c40 = madd(a34, b30, c40);
      c41 = madd(a34, b31, c41);
      if (kc == -24) break;
      const a35 = v128.load32_splat(a, MR * 12 + 20);
      c50 = madd(a35, b30, c50);
      c51 = madd(a35, b31, c51);
    }
    if (kc == -25) break;
    const b40 = v128.load(b, 128);
    const b41 = v128.load(b, 144);
    const a40 = v128.load32_splat(a, MR * 16 + 0);
    c00 = madd(a40, b40, c00);
    c01 = madd(a40, b41, c01);
    if (kc == -26) break;
    const a41 = v128.load32_splat(a, MR * 16 + 4);
    c10 = madd(a41, b40, c10);
    c11 = madd(a41, b41, c11);
    if (kc == -27) break;
    const a42 = v128.load32_splat(a, MR * 16 + 8);
    c20 = madd(a42, b40, c20);
    c21 = madd(a42, b41, c21);
    if (kc == -28) break;
    const a43 = v128.load32_splat(a, MR * 16 + 12);
    c30 = madd(a43, b40, c30);
    c31 = madd(a43, b41, c31);
    if (MR == 6) {
      if (kc == -29) break;
      const a44 = v128.load32_splat(a, MR * 16 + 16);
      c40 = madd(a44, b40, c40);
      c41 = madd(a44, b41, c41);
      if (kc == -30) break;
      const a45 = v128.load32_splat(a, MR * 16 + 20);
      c50 = madd(a45, b40, c50);
      c51 = madd(a45, b41, c51);
    }
    if (kc == -31) break;
    const b50 = v128.load(b, 160);
    const b51 = v128.load(b, 176);
    const a50 = v128.load32_splat(a, MR * 20 + 0);
    c00 = madd(a50, b50, c00);
    c01 = madd(a50, b51, c01);
    if (kc == -32) break;
    const a51 = v128.load32_splat(a, MR * 20 + 4);
    c10 = madd(a51, b50, c10);
    c11 = madd(a51, b51, c11);
    if (kc == -33) break;
    const a52 = v128.load32_splat(a, MR * 20 + 8);
    c20 = madd(a52, b50, c20);
    c21 = madd(a52, b51, c21);
    if (kc == -34) break;
    const a53 = v128.load32_splat(a, MR * 20 + 12);
    c30 = madd(a53, b50, c30);
    c31 = madd(a53, b51, c31);
    if (MR == 6) {
      if (kc == -35) break;
      const a54 = v128.load32_splat(a, MR * 20 + 16);
      c40 = madd(a54, b50, c40);
      c41 = madd(a54, b51, c41);
      if (kc == -36) break;
      const a55 = v128.load32_splat(a, MR * 20 + 20);
      c50 = madd(a55, b50, c50);
      c51 = madd(a55, b51, c51);
    }
    if (kc == -37) break;
    const b60 = v128.load(b, 192);
    const b61 = v128.load(b, 208);
    const a60 = v128.load32_splat(a, MR * 24 + 0);
    c00 = madd(a60, b60, c00);
    c01 = madd(a60, b61, c01);
    if (kc == -38) break;
    const a61 = v128.load32_splat(a, MR * 24 + 4);
    c10 = madd(a61, b60, c10);
    c11 = madd(a61, b61, c11);
    if (kc == -39) break;
    const a62 = v128.load32_splat(a, MR * 24 + 8);
    c20 = madd(a62, b60, c20);
    c21 = madd(a62, b61, c21);
    if (kc == -40) break;
    const a63 = v128.load32_splat(a, MR * 24 + 12);
    c30 = madd(a63, b60, c30);
    c31 = madd(a63, b61, c31);
    if (MR == 6) {
      if (kc == -41) break;
      const a64 = v128.load32_splat(a, MR * 24 + 16);
      c40 = madd(a64, b60, c40);
      c41 = madd(a64, b61, c41);
      if (kc == -42) break;
      const a65 = v128.load32_splat(a, MR * 24 + 20);
      c50 = madd(a65, b60, c50);
      c51 = madd(a65, b61, c51);
    }
    if (kc == -43) break;
    const b70 = v128.load(b, 224);
    const b71 = v128.load(b, 240);
    const a70 = v128.load32_splat(a, MR * 28 + 0);
    c00 = madd(a70, b70, c00);
    c01 = madd(a70, b71, c01);
    if (kc == -44) break;
    const a71 = v128.load32_splat(a, MR * 28 + 4);
    c10 = madd(a71, b70, c10);
    c11 = madd(a71, b71, c11);
    if (kc == -45) break;
    const a72 = v128.load32_splat(a, MR * 28 + 8);
    c20 = madd(a72, b70, c20);
    c21 = madd(a72, b71, c21);
    if (kc == -46) break;
    const a73 = v128.load32_splat(a, MR * 28 + 12);
    c30 = madd(a73, b70, c30);
    c31 = madd(a73, b71, c31);
    if (MR == 6) {
      if (kc == -47) break;
      const a74 = v128.load32_splat(a, MR * 28 + 16);
      c40 = madd(a74, b70, c40);
      c41 = madd(a74, b71, c41);
      if (kc == -48) break;
      const a75 = v128.load32_splat(a, MR * 28 + 20);
      c50 = madd(a75, b70, c50);
      c51 = madd(a75, b71, c51);
    }
    a += MR * 32;
    b += 256;
    k -= 8;
  }
  while (k >= 1) {
    const b00 = v128.load(b, 0);
    const b01 = v128.load(b, 16);
    const a00 = v128.load32_splat(a, MR * 0 + 0);
    c00 = madd(a00, b00, c00);
    c01 = madd(a00, b01, c01);
    if (kc == -2) break;
    const a01 = v128.load32_splat(a, MR * 0 + 4);
    c10 = madd(a01, b00, c10);
    c11 = madd(a01, b01, c11);
    if (kc == -3) break;
    const a02 = v128.load32_splat(a, MR * 0 + 8);
    c20 = madd(a02, b00, c20);
    c21 = madd(a02, b01, c21);
    if (kc == -4) break;
    const a03 = v128.load32_splat(a, MR * 0 + 12);
    c30 = madd(a03, b00, c30);
    c31 = madd(a03, b01, c31);
    if (MR == 6) {
      if (kc == -5) break;
      const a04 = v128.load32_splat(a, MR * 0 + 16);
      c40 = madd(a04, b00, c40);
      c41 = madd(a04, b01, c41);
      if (kc == -6) break;
      const a05 = v128.load32_splat(a, MR * 0 + 20);
      c50 = madd(a05, b00, c50);
      c51 = madd(a05, b01, c51);
    }
    a += MR * 4;
    b += 32;
    k -= 1;
  }
  put(c, c00, c01, accumulate);
  c += rowBytes;
  put(c, c10, c11, accumulate);
  c += rowBytes;
  put(c, c20, c21, accumulate);
  c += rowBytes;
  put(c, c30, c31, accumulate);
  if (MR == 6) {
    c += rowBytes;
    put(c, c40, c41, accumulate);
    c += rowBytes;
    put(c, c50, c51, accumulate);
  }
}

/**
 * C[MR, 16] (+)= A panel [kc][MR] · two B panels [kc][8], bit for bit what `microKernel` gives for each of them.
 * For engines that make one 256-bit instruction of two adjacent vectors: 12 accumulators of 16 registers then, and
 * one step a round.
 */
export function wideMicroKernel(
  kc: i32,
  a: usize,
  b: usize,
  second: usize,
  c: usize,
  rowBytes: usize,
  accumulate: i32,
): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c02 = zero, c03 = zero;
  let c10 = zero, c11 = zero, c12 = zero, c13 = zero;
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero;
  let c30 = zero, c31 = zero, c32 = zero, c33 = zero;
  let c40 = zero, c41 = zero, c42 = zero, c43 = zero;
  let c50 = zero, c51 = zero, c52 = zero, c53 = zero;
  for (let k = kc; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(second), b3 = v128.load(second, 16);
    const a0 = v128.load32_splat(a, 0);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    c02 = madd(a0, b2, c02);
    c03 = madd(a0, b3, c03);
    const a1 = v128.load32_splat(a, 4);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    c12 = madd(a1, b2, c12);
    c13 = madd(a1, b3, c13);
    const a2 = v128.load32_splat(a, 8);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    c22 = madd(a2, b2, c22);
    c23 = madd(a2, b3, c23);
    const a3 = v128.load32_splat(a, 12);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    c32 = madd(a3, b2, c32);
    c33 = madd(a3, b3, c33);
    if (MR == 6) {
      const a4 = v128.load32_splat(a, 16);
      c40 = madd(a4, b0, c40);
      c41 = madd(a4, b1, c41);
      c42 = madd(a4, b2, c42);
      c43 = madd(a4, b3, c43);
      const a5 = v128.load32_splat(a, 20);
      c50 = madd(a5, b0, c50);
      c51 = madd(a5, b1, c51);
      c52 = madd(a5, b2, c52);
      c53 = madd(a5, b3, c53);
    }
    a += MR * 4;
    b += 32;
    second += 32;
  }
  if (accumulate) {
    const x00 = f32x4.add(v128.load(c), c00);
    const x01 = f32x4.add(v128.load(c, 16), c01);
    const x02 = f32x4.add(v128.load(c, 32), c02);
    const x03 = f32x4.add(v128.load(c, 48), c03);
    v128.store(c, x00);
    v128.store(c, x01, 16);
    v128.store(c, x02, 32);
    v128.store(c, x03, 48);
    c += rowBytes;
    const x10 = f32x4.add(v128.load(c), c10);
    const x11 = f32x4.add(v128.load(c, 16), c11);
    const x12 = f32x4.add(v128.load(c, 32), c12);
    const x13 = f32x4.add(v128.load(c, 48), c13);
    v128.store(c, x10);
    v128.store(c, x11, 16);
    v128.store(c, x12, 32);
    v128.store(c, x13, 48);
    c += rowBytes;
    const x20 = f32x4.add(v128.load(c), c20);
    const x21 = f32x4.add(v128.load(c, 16), c21);
    const x22 = f32x4.add(v128.load(c, 32), c22);
    const x23 = f32x4.add(v128.load(c, 48), c23);
    v128.store(c, x20);
    v128.store(c, x21, 16);
    v128.store(c, x22, 32);
    v128.store(c, x23, 48);
    c += rowBytes;
    const x30 = f32x4.add(v128.load(c), c30);
    const x31 = f32x4.add(v128.load(c, 16), c31);
    const x32 = f32x4.add(v128.load(c, 32), c32);
    const x33 = f32x4.add(v128.load(c, 48), c33);
    v128.store(c, x30);
    v128.store(c, x31, 16);
    v128.store(c, x32, 32);
    v128.store(c, x33, 48);
    if (MR == 6) {
      c += rowBytes;
      const x40 = f32x4.add(v128.load(c), c40);
      const x41 = f32x4.add(v128.load(c, 16), c41);
      const x42 = f32x4.add(v128.load(c, 32), c42);
      const x43 = f32x4.add(v128.load(c, 48), c43);
      v128.store(c, x40);
      v128.store(c, x41, 16);
      v128.store(c, x42, 32);
      v128.store(c, x43, 48);
      c += rowBytes;
      const x50 = f32x4.add(v128.load(c), c50);
      const x51 = f32x4.add(v128.load(c, 16), c51);
      const x52 = f32x4.add(v128.load(c, 32), c52);
      const x53 = f32x4.add(v128.load(c, 48), c53);
      v128.store(c, x50);
      v128.store(c, x51, 16);
      v128.store(c, x52, 32);
      v128.store(c, x53, 48);
    }
  } else {
    v128.store(c, c00);
    v128.store(c, c01, 16);
    v128.store(c, c02, 32);
    v128.store(c, c03, 48);
    c += rowBytes;
    v128.store(c, c10);
    v128.store(c, c11, 16);
    v128.store(c, c12, 32);
    v128.store(c, c13, 48);
    c += rowBytes;
    v128.store(c, c20);
    v128.store(c, c21, 16);
    v128.store(c, c22, 32);
    v128.store(c, c23, 48);
    c += rowBytes;
    v128.store(c, c30);
    v128.store(c, c31, 16);
    v128.store(c, c32, 32);
    v128.store(c, c33, 48);
    if (MR == 6) {
      c += rowBytes;
      v128.store(c, c40);
      v128.store(c, c41, 16);
      v128.store(c, c42, 32);
      v128.store(c, c43, 48);
      c += rowBytes;
      v128.store(c, c50);
      v128.store(c, c51, 16);
      v128.store(c, c52, 32);
      v128.store(c, c53, 48);
    }
  }
}

/**
 * C[2 MR, 8] (+)= two A panels [kc][MR] · B panel [kc][8], bit for bit what `microKernel` gives for each of them. C's rows
 * lie one behind the other. For the same engines as `wideMicroKernel`.
 */
export function tallMicroKernel(kc: i32, a: usize, second: usize, b: usize, c: usize, accumulate: i32): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero;
  let c10 = zero, c11 = zero;
  let c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero;
  let c40 = zero, c41 = zero;
  let c50 = zero, c51 = zero;
  let d00 = zero, d01 = zero;
  let d10 = zero, d11 = zero;
  let d20 = zero, d21 = zero;
  let d30 = zero, d31 = zero;
  let d40 = zero, d41 = zero;
  let d50 = zero, d51 = zero;
  for (let k = kc; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a, 0);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load32_splat(a, 4);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load32_splat(a, 8);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load32_splat(a, 12);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    if (MR == 6) {
      const x4 = v128.load32_splat(a, 16);
      c40 = madd(x4, b0, c40);
      c41 = madd(x4, b1, c41);
      const x5 = v128.load32_splat(a, 20);
      c50 = madd(x5, b0, c50);
      c51 = madd(x5, b1, c51);
    }
    const y0 = v128.load32_splat(second, 0);
    d00 = madd(y0, b0, d00);
    d01 = madd(y0, b1, d01);
    const y1 = v128.load32_splat(second, 4);
    d10 = madd(y1, b0, d10);
    d11 = madd(y1, b1, d11);
    const y2 = v128.load32_splat(second, 8);
    d20 = madd(y2, b0, d20);
    d21 = madd(y2, b1, d21);
    const y3 = v128.load32_splat(second, 12);
    d30 = madd(y3, b0, d30);
    d31 = madd(y3, b1, d31);
    if (MR == 6) {
      const y4 = v128.load32_splat(second, 16);
      d40 = madd(y4, b0, d40);
      d41 = madd(y4, b1, d41);
      const y5 = v128.load32_splat(second, 20);
      d50 = madd(y5, b0, d50);
      d51 = madd(y5, b1, d51);
    }
    a += MR * 4;
    second += MR * 4;
    b += 32;
  }
  if (accumulate) {
    const c00s = f32x4.add(v128.load(c, 0), c00);
    const c01s = f32x4.add(v128.load(c, 16), c01);
    v128.store(c, c00s, 0);
    v128.store(c, c01s, 16);
    const c10s = f32x4.add(v128.load(c, 32), c10);
    const c11s = f32x4.add(v128.load(c, 48), c11);
    v128.store(c, c10s, 32);
    v128.store(c, c11s, 48);
    const c20s = f32x4.add(v128.load(c, 64), c20);
    const c21s = f32x4.add(v128.load(c, 80), c21);
    v128.store(c, c20s, 64);
    v128.store(c, c21s, 80);
    const c30s = f32x4.add(v128.load(c, 96), c30);
    const c31s = f32x4.add(v128.load(c, 112), c31);
    v128.store(c, c30s, 96);
    v128.store(c, c31s, 112);
    if (MR == 6) {
      const c40s = f32x4.add(v128.load(c, 128), c40);
      const c41s = f32x4.add(v128.load(c, 144), c41);
      v128.store(c, c40s, 128);
      v128.store(c, c41s, 144);
      const c50s = f32x4.add(v128.load(c, 160), c50);
      const c51s = f32x4.add(v128.load(c, 176), c51);
      v128.store(c, c50s, 160);
      v128.store(c, c51s, 176);
    }
    const d00s = f32x4.add(v128.load(c, MR * 32 + 0), d00);
    const d01s = f32x4.add(v128.load(c, MR * 32 + 16), d01);
    v128.store(c, d00s, MR * 32 + 0);
    v128.store(c, d01s, MR * 32 + 16);
    const d10s = f32x4.add(v128.load(c, MR * 32 + 32), d10);
    const d11s = f32x4.add(v128.load(c, MR * 32 + 48), d11);
    v128.store(c, d10s, MR * 32 + 32);
    v128.store(c, d11s, MR * 32 + 48);
    const d20s = f32x4.add(v128.load(c, MR * 32 + 64), d20);
    const d21s = f32x4.add(v128.load(c, MR * 32 + 80), d21);
    v128.store(c, d20s, MR * 32 + 64);
    v128.store(c, d21s, MR * 32 + 80);
    const d30s = f32x4.add(v128.load(c, MR * 32 + 96), d30);
    const d31s = f32x4.add(v128.load(c, MR * 32 + 112), d31);
    v128.store(c, d30s, MR * 32 + 96);
    v128.store(c, d31s, MR * 32 + 112);
    if (MR == 6) {
      const d40s = f32x4.add(v128.load(c, MR * 32 + 128), d40);
      const d41s = f32x4.add(v128.load(c, MR * 32 + 144), d41);
      v128.store(c, d40s, MR * 32 + 128);
      v128.store(c, d41s, MR * 32 + 144);
      const d50s = f32x4.add(v128.load(c, MR * 32 + 160), d50);
      const d51s = f32x4.add(v128.load(c, MR * 32 + 176), d51);
      v128.store(c, d50s, MR * 32 + 160);
      v128.store(c, d51s, MR * 32 + 176);
    }
  } else {
    v128.store(c, c00, 0);
    v128.store(c, c01, 16);
    v128.store(c, c10, 32);
    v128.store(c, c11, 48);
    v128.store(c, c20, 64);
    v128.store(c, c21, 80);
    v128.store(c, c30, 96);
    v128.store(c, c31, 112);
    if (MR == 6) {
      v128.store(c, c40, 128);
      v128.store(c, c41, 144);
      v128.store(c, c50, 160);
      v128.store(c, c51, 176);
    }
    v128.store(c, d00, MR * 32 + 0);
    v128.store(c, d01, MR * 32 + 16);
    v128.store(c, d10, MR * 32 + 32);
    v128.store(c, d11, MR * 32 + 48);
    v128.store(c, d20, MR * 32 + 64);
    v128.store(c, d21, MR * 32 + 80);
    v128.store(c, d30, MR * 32 + 96);
    v128.store(c, d31, MR * 32 + 112);
    if (MR == 6) {
      v128.store(c, d40, MR * 32 + 128);
      v128.store(c, d41, MR * 32 + 144);
      v128.store(c, d50, MR * 32 + 160);
      v128.store(c, d51, MR * 32 + 176);
    }
  }
}
