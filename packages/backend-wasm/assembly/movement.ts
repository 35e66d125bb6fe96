import { argI, argP, rangeStart, scratchUser } from './layout';

// Strided copies. Offsets are 32-bit and wrap like addresses do, so strides may be negative.

const DIMS: i32 = 5;

// @ts-ignore: decorator
@inline
function copyBytes(to: usize, from: usize, bytes: i32): void {
  if (bytes > 1024) {
    memory.copy(to, from, <usize>bytes);
    return;
  }
  let left = bytes;
  for (; left >= 16; left -= 16, to += 16, from += 16) v128.store(to, v128.load(from));
  for (; left >= 4; left -= 4, to += 4, from += 4) store<u32>(to, load<u32>(from));
  for (; left > 0; left--, to++, from++) store<u8>(to, load<u8>(from));
}

/**
 * args: from, to, rowBytes, rows, dims, then per dimension (outermost first) size, strideFrom, strideTo (bytes).
 * Copies `rows` = product of the sizes pieces of rowBytes bytes. A chunk is a range of pieces.
 */
export function copyChunk(chunk: i32, chunks: i32): void {
  const rowBytes = argI(2);
  const rows = argI(3);
  const dims = argI(4);
  const first = rangeStart(rows, chunk, chunks, 1);
  let left = rangeStart(rows, chunk + 1, chunks, 1) - first;
  if (left <= 0) return;
  const index = scratchUser();
  let from = argP(0);
  let to = argP(1);
  let rest = first;
  for (let d = dims - 1; d >= 0; d--) {
    const size = argI(DIMS + 3 * d);
    const i = rest % size;
    rest /= size;
    store<i32>(index + (<usize>d << 2), i);
    from += <usize>(i * argI(DIMS + 3 * d + 1));
    to += <usize>(i * argI(DIMS + 3 * d + 2));
  }
  const last = dims - 1;
  const run = argI(DIMS + 3 * last);
  const stepFrom = <usize>argI(DIMS + 3 * last + 1);
  const stepTo = <usize>argI(DIMS + 3 * last + 2);
  let inRun = load<i32>(index + (<usize>last << 2));
  while (true) {
    const n = min(run - inRun, left);
    copyRun(to, from, n, stepTo, stepFrom, rowBytes);
    left -= n;
    if (left == 0) return;
    from -= <usize>inRun * stepFrom;
    to -= <usize>inRun * stepTo;
    inRun = 0;
    for (let d = last - 1; d >= 0; d--) {
      const size = argI(DIMS + 3 * d);
      const strideFrom = <usize>argI(DIMS + 3 * d + 1);
      const strideTo = <usize>argI(DIMS + 3 * d + 2);
      const i = load<i32>(index + (<usize>d << 2)) + 1;
      from += strideFrom;
      to += strideTo;
      if (i < size) {
        store<i32>(index + (<usize>d << 2), i);
        break;
      }
      from -= <usize>size * strideFrom;
      to -= <usize>size * strideTo;
      store<i32>(index + (<usize>d << 2), 0);
    }
  }
}

function copyRun(to: usize, from: usize, n: i32, stepTo: usize, stepFrom: usize, rowBytes: i32): void {
  if (rowBytes == 4) {
    for (let i = 0; i < n; i++, to += stepTo, from += stepFrom) store<u32>(to, load<u32>(from));
  } else if (rowBytes == 1) {
    for (let i = 0; i < n; i++, to += stepTo, from += stepFrom) store<u8>(to, load<u8>(from));
  } else {
    for (let i = 0; i < n; i++, to += stepTo, from += stepFrom) copyBytes(to, from, rowBytes);
  }
}

/** Columns of one unit of a transpose. */
const BAND: i32 = 16;

/**
 * Transposes matrices of 32-bit elements. args: from, to, p, q, strideP, strideQ, count, dims, then per outer
 * dimension size, strideFrom, strideTo. For every outer index, to[i·strideP + j] = from[j·strideQ + i] for
 * i < p, j < q; all strides in bytes. Units: count · ceil(q / 16).
 */
export function transposeChunk(chunk: i32, chunks: i32): void {
  const p = argI(2);
  const q = argI(3);
  const strideP = <usize>argI(4);
  const strideQ = <usize>argI(5);
  const bands = (q + BAND - 1) / BAND;
  const units = argI(6) * bands;
  const end = rangeStart(units, chunk + 1, chunks, 1);
  for (let unit = rangeStart(units, chunk, chunks, 1); unit < end; unit++) {
    let rest = unit / bands;
    const j = (unit - rest * bands) * BAND;
    let from = argP(0) + <usize>j * strideQ;
    let to = argP(1) + (<usize>j << 2);
    for (let d = argI(7) - 1; d >= 0; d--) {
      const size = argI(8 + 3 * d);
      const i = rest % size;
      rest /= size;
      from += <usize>(i * argI(8 + 3 * d + 1));
      to += <usize>(i * argI(8 + 3 * d + 2));
    }
    transposeBand(from, to, p, min(BAND, q - j), strideP, strideQ);
  }
}

function transposeBand(from: usize, to: usize, p: i32, q: i32, strideP: usize, strideQ: usize): void {
  let i = 0;
  for (; i + 4 <= p; i += 4) {
    const column = from + (<usize>i << 2);
    const row = to + <usize>i * strideP;
    let j = 0;
    for (; j + 4 <= q; j += 4) transpose4(column + <usize>j * strideQ, row + (<usize>j << 2), strideP, strideQ);
    for (; j < q; j++) {
      const x = column + <usize>j * strideQ;
      const y = row + (<usize>j << 2);
      store<u32>(y, load<u32>(x));
      store<u32>(y + strideP, load<u32>(x, 4));
      store<u32>(y + 2 * strideP, load<u32>(x, 8));
      store<u32>(y + 3 * strideP, load<u32>(x, 12));
    }
  }
  for (; i < p; i++) {
    const column = from + (<usize>i << 2);
    const row = to + <usize>i * strideP;
    for (let j = 0; j < q; j++) store<u32>(row + (<usize>j << 2), load<u32>(column + <usize>j * strideQ));
  }
}

// @ts-ignore: decorator
@inline
function transpose4(from: usize, to: usize, strideP: usize, strideQ: usize): void {
  const x0 = v128.load(from), x1 = v128.load(from + strideQ);
  const x2 = v128.load(from + 2 * strideQ), x3 = v128.load(from + 3 * strideQ);
  const p0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), p1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const q0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), q1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(p0, q0, 0, 1, 4, 5));
  v128.store(to + strideP, v128.shuffle<f32>(p0, q0, 2, 3, 6, 7));
  v128.store(to + 2 * strideP, v128.shuffle<f32>(p1, q1, 0, 1, 4, 5));
  v128.store(to + 3 * strideP, v128.shuffle<f32>(p1, q1, 2, 3, 6, 7));
}

/**
 * args: x, indices, out, rows, count, outerPerBatch, axisSize, rowBytes. Output row r = (o, j), j < count, is row
 * indices[b, j] of x[o], b = o / outerPerBatch; a row has rowBytes bytes.
 */
export function gatherChunk(chunk: i32, chunks: i32): void {
  const indices = argP(1);
  const rows = argI(3);
  const count = argI(4);
  const outerPerBatch = argI(5);
  const axisSize = argI(6);
  const rowBytes = argI(7);
  const end = rangeStart(rows, chunk + 1, chunks, 1);
  for (let r = rangeStart(rows, chunk, chunks, 1); r < end; r++) {
    const o = r / count;
    const j = r - o * count;
    const index = load<i32>(indices + (<usize>((o / outerPerBatch) * count + j) << 2));
    const from = argP(0) + <usize>(o * axisSize + index) * <usize>rowBytes;
    copyBytes(argP(2) + <usize>r * <usize>rowBytes, from, rowBytes);
  }
}

/**
 * args: x [n, inner], ids, out [segments, inner], n, inner, segments. out[ids[i]] += x[i] in the order of i;
 * ids outside [0, segments) are left out. A chunk is a range of columns, so that the order never changes.
 */
export function segmentSumChunk(chunk: i32, chunks: i32): void {
  const x = argP(0);
  const ids = argP(1);
  const out = argP(2);
  const n = argI(3);
  const inner = argI(4);
  const segments = argI(5);
  const from = rangeStart(inner, chunk, chunks, 16);
  const width = rangeStart(inner, chunk + 1, chunks, 16) - from;
  if (width <= 0) return;
  const rowBytes = <usize>inner << 2;
  const start = <usize>from << 2;
  for (let s = 0; s < segments; s++) memory.fill(out + <usize>s * rowBytes + start, 0, <usize>width << 2);
  for (let i = 0; i < n; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id >= <u32>segments) continue;
    let a = x + <usize>i * rowBytes + start;
    let y = out + <usize>id * rowBytes + start;
    let c = 0;
    for (; c + 4 <= width; c += 4, a += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(a)));
    for (; c < width; c++, a += 4, y += 4) store<f32>(y, load<f32>(y) + load<f32>(a));
  }
}

/** args: indices, out [n, depth], n, depth, on, off (32-bit patterns). */
export function oneHotChunk(chunk: i32, chunks: i32): void {
  const n = argI(2);
  const depth = argI(3);
  const on = argI(4);
  const off = argI(5);
  const end = rangeStart(n, chunk + 1, chunks, 1);
  for (let i = rangeStart(n, chunk, chunks, 1); i < end; i++) {
    const row = argP(1) + ((<usize>i * <usize>depth) << 2);
    for (let d = 0; d < depth; d++) store<i32>(row + (<usize>d << 2), off);
    const index = load<i32>(argP(0) + (<usize>i << 2));
    if (<u32>index < <u32>depth) store<i32>(row + (<usize>index << 2), on);
  }
}
