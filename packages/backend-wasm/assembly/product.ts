import { argI, argP, isWide, rangeStart, scratchA, scratchB, scratchTile, scratchUser } from './layout';
import { MR, microKernel, tallMicroKernel, wideMicroKernel } from './micro-kernel';
import { packA, packB, packBPanels } from './pack';

export const KC: i32 = 512;
export const MC: i32 = 48;
export const NC: i32 = 256;

// @ts-ignore: decorator
@inline
export function roundUp8(n: i32): i32 {
  return (n + 7) & ~7;
}

/**
 * C[mc, nc] (+)= packed A · packed B for one block of kc products.
 * a: panels [mc/MR][kc][MR]; b: panels [nc/8][kc][8]; c: address of C[0, 0]; ldc: elements between rows.
 * Where `accumulate` is 0, C is overwritten.
 */
export function blockProduct(a: usize, b: usize, c: usize, ldc: i32, mc: i32, nc: i32, kc: i32, accumulate: i32): void {
  const rowBytes = <usize>ldc << 2;
  const tile = scratchTile();
  let j = 0;
  if (isWide()) {
    const panelBytes = <usize>kc << 5;
    for (; j + 16 <= nc; j += 16) {
      const bPanel = b + <usize>(j * kc) * 4;
      for (let i = 0; i < mc; i += MR) {
        const m = min(MR, mc - i);
        const aPanel = a + <usize>(i * kc) * 4;
        const target = c + <usize>i * rowBytes + (<usize>j << 2);
        if (m == MR) {
          wideMicroKernel(kc, aPanel, bPanel, bPanel + panelBytes, target, rowBytes, accumulate);
        } else {
          wideMicroKernel(kc, aPanel, bPanel, bPanel + panelBytes, tile, 64, 0);
          copyTile(tile, 64, target, rowBytes, m, 16, accumulate);
        }
      }
    }
  }
  for (; j < nc; j += 8) {
    const n = min(8, nc - j);
    const bPanel = b + <usize>(j * kc) * 4;
    for (let i = 0; i < mc; i += MR) {
      const m = min(MR, mc - i);
      const aPanel = a + <usize>(i * kc) * 4;
      const target = c + <usize>i * rowBytes + (<usize>j << 2);
      if (m == MR && n == 8) {
        microKernel(kc, aPanel, bPanel, target, rowBytes, accumulate);
      } else {
        microKernel(kc, aPanel, bPanel, tile, 32, 0);
        copyTile(tile, 32, target, rowBytes, m, n, accumulate);
      }
    }
  }
}

/** Adds or copies the m x n corner of a tile to C. */
function copyTile(tile: usize, pitch: usize, c: usize, rowBytes: usize, m: i32, n: i32, accumulate: i32): void {
  for (let i = 0; i < m; i++) {
    const from = tile + <usize>i * pitch;
    const to = c + <usize>i * rowBytes;
    for (let j = 0; j < n; j++) {
      const offset = <usize>j << 2;
      const v = load<f32>(from + offset);
      store<f32>(to + offset, accumulate ? load<f32>(to + offset) + v : v);
    }
  }
}

/**
 * C[m, n] (+)= op(A) · Bp, B packed as a whole by `packBPanels`: for every block of KC rows, panels
 * [roundUp8(N)/8][kc][8]. `bColumns` is roundUp8 of the whole B's width, `column` (a multiple of 8) the first
 * column of Bp to use. A is read from a: element (i, k) at a + 4·(transA ? k·lda + i : i·lda + k).
 */
export function productWithPackedB(
  a: usize,
  lda: i32,
  transA: i32,
  bPacked: usize,
  bColumns: i32,
  column: i32,
  c: usize,
  ldc: i32,
  m: i32,
  n: i32,
  k: i32,
  accumulate: i32,
): void {
  const aPacked = scratchA();
  for (let p = 0; p < k; p += KC) {
    const kc = min(KC, k - p);
    const bBlock = bPacked + ((<usize>p * <usize>bColumns) << 2) + (<usize>(column * kc) << 2);
    const acc = p > 0 ? 1 : accumulate;
    for (let i = 0; i < m; i += MC) {
      const mc = min(MC, m - i);
      packA(aPacked, a, lda, transA, i, p, mc, kc);
      for (let j = 0; j < n; j += NC) {
        const nc = min(NC, n - j);
        blockProduct(
          aPacked,
          bBlock + (<usize>(j * kc) << 2),
          c + ((<usize>i * <usize>ldc + <usize>j) << 2),
          ldc,
          mc,
          nc,
          kc,
          acc,
        );
      }
    }
  }
}

/**
 * C[m, n] (+)= op(A) · op(B), packing both into this thread's scratch.
 * Element (k, j) of op(B) lies at b + 4·(transB ? j·ldb + k : k·ldb + j).
 */
export function product(
  a: usize,
  lda: i32,
  transA: i32,
  b: usize,
  ldb: i32,
  transB: i32,
  c: usize,
  ldc: i32,
  m: i32,
  n: i32,
  k: i32,
  accumulate: i32,
): void {
  const aPacked = scratchA();
  const bPacked = scratchB();
  for (let j = 0; j < n; j += NC) {
    const nc = min(NC, n - j);
    for (let p = 0; p < k; p += KC) {
      const kc = min(KC, k - p);
      packB(bPacked, b, ldb, transB, p, j, kc, nc);
      const acc = p > 0 ? 1 : accumulate;
      for (let i = 0; i < m; i += MC) {
        const mc = min(MC, m - i);
        packA(aPacked, a, lda, transA, i, p, mc, kc);
        blockProduct(aPacked, bPacked, c + ((<usize>i * <usize>ldc + <usize>j) << 2), ldc, mc, nc, kc, acc);
      }
    }
  }
}

/**
 * C[rows, 8] (+)= A panels [rows/MR][kc][MR] · B panel [kc][8] with `rows` rounded up to whole panels, whose distance is
 * `panelBytes`; C's rows lie one behind the other.
 */
export function panelsTimesPanel(
  rows: i32,
  kc: i32,
  a: usize,
  panelBytes: usize,
  b: usize,
  c: usize,
  accumulate: i32,
): void {
  let i = 0;
  if (isWide()) {
    for (; i + MR < rows; i += 2 * MR) {
      tallMicroKernel(kc, a, a + panelBytes, b, c, accumulate);
      a += 2 * panelBytes;
      c += MR * 64;
    }
  }
  for (; i < rows; i += MR) {
    microKernel(kc, a, b, c, 32, accumulate);
    a += panelBytes;
    c += MR * 32;
  }
}

/** A block of the largest size within this thread's scratch, for timing; its values mean nothing. */
export function sampleProduct(): void {
  blockProduct(scratchA(), scratchB(), scratchUser(), NC, MC, NC, KC, 0);
}

/** args: b, ldb, transB, k, n, packed. A chunk packs a range of column panels for all k. */
export function packBChunk(chunk: i32, chunks: i32): void {
  const n = argI(4);
  const from = rangeStart(n, chunk, chunks, 8);
  const to = rangeStart(n, chunk + 1, chunks, 8);
  packBPanels(argP(5), argP(0), argI(1), argI(2), argI(3), n, from, to, KC);
}

/**
 * args: a, lda, transA, packedB, c, ldc, m, n, k, accumulate, byColumns.
 * A chunk is a range of C's rows (or of its columns when `byColumns`).
 */
export function productChunk(chunk: i32, chunks: i32): void {
  const a = argP(0);
  const lda = argI(1);
  const transA = argI(2);
  const c = argP(4);
  const ldc = argI(5);
  const m = argI(6);
  const n = argI(7);
  const k = argI(8);
  if (argI(10)) {
    const from = rangeStart(n, chunk, chunks, 8);
    const to = rangeStart(n, chunk + 1, chunks, 8);
    productWithPackedB(a, lda, transA, argP(3), roundUp8(n), from, c + (<usize>from << 2), ldc, m, to - from, k, argI(9));
    return;
  }
  const from = rangeStart(m, chunk, chunks, MR);
  const to = rangeStart(m, chunk + 1, chunks, MR);
  const aFrom = a + (<usize>from << 2) * <usize>(transA ? 1 : lda);
  const cFrom = c + (<usize>from << 2) * <usize>ldc;
  productWithPackedB(aFrom, lda, transA, argP(3), roundUp8(n), 0, cFrom, ldc, to - from, n, k, argI(9));
}

/**
 * args: a, transA, b, transB, c, m, n, k, batch, offsets. Matrices are dense; `offsets` points to two
 * words per batch element, the numbers of its A and B matrix. A chunk is a range of batch elements.
 */
export function batchProductChunk(chunk: i32, chunks: i32): void {
  const transA = argI(1);
  const transB = argI(3);
  const m = argI(5);
  const n = argI(6);
  const k = argI(7);
  const batch = argI(8);
  const offsets = argP(9);
  const to = rangeStart(batch, chunk + 1, chunks, 1);
  for (let i = rangeStart(batch, chunk, chunks, 1); i < to; i++) {
    const a = argP(0) + ((<usize>load<u32>(offsets + (<usize>i << 3)) * <usize>m * <usize>k) << 2);
    const b = argP(2) + ((<usize>load<u32>(offsets + (<usize>i << 3) + 4) * <usize>k * <usize>n) << 2);
    const c = argP(4) + ((<usize>i * <usize>m * <usize>n) << 2);
    product(a, transA ? m : k, transA, b, transB ? k : n, transB, c, n, m, n, k, 0);
  }
}
