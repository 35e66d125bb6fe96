import { MR } from './micro-kernel';

/**
 * Packs op(A)[m0 … m0+mc, k0 … k0+kc] into panels [mc/MR][kc][MR], rows beyond mc as zeros.
 * Element (i, k) of op(A) lies at a + 4·(trans ? k·lda + i : i·lda + k).
 */
export function packA(to: usize, a: usize, lda: i32, trans: i32, m0: i32, k0: i32, mc: i32, kc: i32): void {
  let first = 0;
  if (trans) {
    first = mc - (mc % MR);
    copyPanelsA(to, a + ((<usize>k0 * <usize>lda + <usize>m0) << 2), <usize>lda << 2, first, kc);
  }
  for (let i = first; i < mc; i += MR) {
    const rows = min(MR, mc - i);
    const panel = to + (<usize>(i * kc) << 2);
    if (trans) {
      const from = a + ((<usize>k0 * <usize>lda + <usize>(m0 + i)) << 2);
      gatherPanel(panel, from, 4, <usize>lda << 2, rows, kc, MR);
    } else {
      const from = a + ((<usize>(m0 + i) * <usize>lda + <usize>k0) << 2);
      if (rows == MR) transposePanelA(panel, from, <usize>lda << 2, kc);
      else gatherPanel(panel, from, <usize>lda << 2, 4, rows, kc, MR);
    }
  }
}

/** Packs op(B)[k0 … k0+kc, n0 … n0+nc] into panels [nc/8][kc][8], columns beyond nc as zeros. */
export function packB(to: usize, b: usize, ldb: i32, trans: i32, k0: i32, n0: i32, kc: i32, nc: i32): void {
  const rowBytes = <usize>ldb << 2;
  for (let j = 0; j < nc; j += 8) {
    const columns = min(8, nc - j);
    const panel = to + (<usize>(j * kc) << 2);
    if (trans) {
      const from = b + ((<usize>(n0 + j) * <usize>ldb + <usize>k0) << 2);
      if (columns == 8) transposePanelB(panel, from, rowBytes, kc);
      else gatherPanel(panel, from, rowBytes, 4, columns, kc, 8);
    } else {
      const from = b + ((<usize>k0 * <usize>ldb + <usize>(n0 + j)) << 2);
      if (nc - j >= 16) {
        const pairs = nc - j >= 64 ? 4 : 1;
        copyPanelPairsB(panel, from, rowBytes, kc, pairs);
        j += 16 * pairs - 8;
      } else if (columns == 8) copyPanelB(panel, from, rowBytes, kc);
      else gatherPanel(panel, from, 4, rowBytes, columns, kc, 8);
    }
  }
}

/**
 * Packs columns [from, to) (from: multiple of 8) of op(B)[k, n] into the layout of a whole packed B:
 * for every block of kBlock rows, panels [roundUp8(n)/8][kc][8]. Needs k · roundUp8(n) floats.
 */
export function packBPanels(
  packed: usize,
  b: usize,
  ldb: i32,
  trans: i32,
  k: i32,
  n: i32,
  from: i32,
  to: i32,
  kBlock: i32,
): void {
  const columns = (n + 7) & ~7;
  for (let p = 0; p < k; p += kBlock) {
    const kc = min(kBlock, k - p);
    const block = packed + ((<usize>p * <usize>columns) << 2) + (<usize>(from * kc) << 2);
    packB(block, b, ldb, trans, p, from, kc, to - from);
  }
}

/** Any panel, element by element: lane stride and step stride in bytes, zeros beyond `lanes`. */
function gatherPanel(to: usize, from: usize, lane: usize, step: usize, lanes: i32, kc: i32, width: i32): void {
  for (let k = 0; k < kc; k++) {
    const source = from + <usize>k * step;
    let l = 0;
    for (; l < lanes; l++) store<f32>(to + (<usize>l << 2), load<f32>(source + <usize>l * lane));
    for (; l < width; l++) store<f32>(to + (<usize>l << 2), 0);
    to += <usize>width << 2;
  }
}

/** Rows of A are the steps: all panels of a step together, so that each cache line is read once. */
function copyPanelsA(to: usize, from: usize, rowBytes: usize, rows: i32, kc: i32): void {
  const pitch = <usize>(kc * MR) << 2;
  for (let k = 0; k < kc; k++) {
    let source = from;
    let target = to;
    for (let i = 0; i < rows; i += MR) {
      v128.store(target, v128.load(source));
      if (MR == 6) store<u64>(target, load<u64>(source, 16), 16);
      source += MR * 4;
      target += pitch;
    }
    to += MR * 4;
    from += rowBytes;
  }
}

function copyPanelB(to: usize, from: usize, rowBytes: usize, kc: i32): void {
  for (let k = 0; k < kc; k++) {
    // both are read before one is written, so that an engine can make one 256-bit operation of them
    const x = v128.load(from), y = v128.load(from, 16);
    v128.store(to, x);
    v128.store(to, y, 16);
    to += 32;
    from += rowBytes;
  }
}

/** Pairs of panels together, so that each cache line is read once and its neighbours right after it. */
function copyPanelPairsB(to: usize, from: usize, rowBytes: usize, kc: i32, pairs: usize): void {
  const pitch = <usize>kc << 5;
  const width = pairs << 6;
  for (let k: usize = 0; k < pitch; k += 32) {
    let target = to + k;
    for (let i: usize = 0; i < width; i += 64) {
      const w = v128.load(from + i), x = v128.load(from + i, 16), y = v128.load(from + i, 32), z = v128.load(from + i, 48);
      v128.store(target, w);
      v128.store(target, x, 16);
      target += pitch;
      v128.store(target, y);
      v128.store(target, z, 16);
      target += pitch;
    }
    from += rowBytes;
  }
}

function transposePanelA(to: usize, from: usize, rowBytes: usize, kc: i32): void {
  const r1 = from + rowBytes, r2 = r1 + rowBytes, r3 = r2 + rowBytes, r4 = r3 + rowBytes, r5 = r4 + rowBytes;
  let k: usize = 0;
  const whole = <usize>(kc & ~3) << 2;
  const end = <usize>kc << 2;
  for (; k < whole; k += 16) {
    const x0 = v128.load(from + k), x1 = v128.load(r1 + k), x2 = v128.load(r2 + k), x3 = v128.load(r3 + k);
    const p0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), p1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
    const q0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), q1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(p0, q0, 0, 1, 4, 5));
    v128.store(to + MR * 4, v128.shuffle<f32>(p0, q0, 2, 3, 6, 7));
    v128.store(to + MR * 8, v128.shuffle<f32>(p1, q1, 0, 1, 4, 5));
    v128.store(to + MR * 12, v128.shuffle<f32>(p1, q1, 2, 3, 6, 7));
    if (MR == 6) {
      const x4 = v128.load(r4 + k), x5 = v128.load(r5 + k);
      const s0 = v128.shuffle<f32>(x4, x5, 0, 4, 1, 5), s1 = v128.shuffle<f32>(x4, x5, 2, 6, 3, 7);
      v128.store_lane<u64>(to, s0, 0, 16);
      v128.store_lane<u64>(to, s0, 1, 16 + 24);
      v128.store_lane<u64>(to, s1, 0, 16 + 48);
      v128.store_lane<u64>(to, s1, 1, 16 + 72);
    }
    to += MR * 16;
  }
  for (; k < end; k += 4) {
    store<f32>(to, load<f32>(from + k));
    store<f32>(to, load<f32>(r1 + k), 4);
    store<f32>(to, load<f32>(r2 + k), 8);
    store<f32>(to, load<f32>(r3 + k), 12);
    if (MR == 6) {
      store<f32>(to, load<f32>(r4 + k), 16);
      store<f32>(to, load<f32>(r5 + k), 20);
    }
    to += MR * 4;
  }
}

// @ts-ignore: decorator
@inline
function transposeHalfB(to: usize, r0: usize, rowBytes: usize): void {
  const r1 = r0 + rowBytes, r2 = r1 + rowBytes, r3 = r2 + rowBytes;
  const x0 = v128.load(r0), x1 = v128.load(r1), x2 = v128.load(r2), x3 = v128.load(r3);
  const p0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), p1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const q0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), q1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(p0, q0, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(p0, q0, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(p1, q1, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(p1, q1, 2, 3, 6, 7), 96);
}

function transposePanelB(to: usize, from: usize, rowBytes: usize, kc: i32): void {
  let k: usize = 0;
  const whole = <usize>(kc & ~3) << 2;
  const end = <usize>kc << 2;
  const half = from + (rowBytes << 2);
  for (; k < whole; k += 16) {
    transposeHalfB(to, from + k, rowBytes);
    transposeHalfB(to + 16, half + k, rowBytes);
    to += 128;
  }
  for (; k < end; k += 4) {
    for (let l: usize = 0; l < 8; l++) store<f32>(to + (l << 2), load<f32>(from + l * rowBytes + k));
    to += 32;
  }
}
