import { argF, argI, argP, rangeStart, scratchUser } from '../layout';
import { MR } from '../micro-kernel';
import { packA, packB } from '../pack';
import { blockProduct, panelsTimesPanel } from '../product';
import {
  capScores,
  highKey,
  KEY_BLOCK,
  lowKey,
  multiplyTile,
  plainEnd,
  plainStart,
  roundDownKeys,
  roundUpRows,
  scaleInPlace,
  seesHigh,
  seesLow,
  setPanel,
  storePanel,
} from './attention-panel';
import { packedSize } from './attention';
import { constant, dot, exp4With } from './math';

/** Queries per block: six panels of 8. */
const QUERIES: i32 = 48;

// fixed part of the scratch: probabilities and their gradients [keys][8], then both as left sides
// [keys/MR][queries][MR], then 8 lanes each of delta and logsumexp, and the slopes of a cap
// [keys][8]
const TILE_BYTES: usize = (<usize>KEY_BLOCK + 8) << 5;
const LEFT_BYTES: usize = (<usize>KEY_BLOCK * <usize>QUERIES) << 2;
const SLOPES: usize = TILE_BYTES;
const LEFT_P: usize = 2 * TILE_BYTES;
const LEFT_S: usize = LEFT_P + LEFT_BYTES;
const LANES: usize = LEFT_S + LEFT_BYTES;
const CAP_SLOPES: usize = LANES + 64;
const PANELS: usize = CAP_SLOPES + TILE_BYTES;

/**
 * args: q, k, v, packedK, packedV, packedKT, queryDocs, keyDocs, out, logsumexp, dout, dq, dk, dv, batch,
 * time, keys, heads, keyHeads, headSize, window, scale, softcap. packedK and packedV are [keys/MR][headSize][MR],
 * packedKT is [headSize/MR][keys][MR]. A unit is one key head of one batch row with all its query heads, so
 * that its dk and dv are summed by one thread in one order.
 */
export function attentionGradChunk(chunk: i32, chunks: i32): void {
  const keyHeads = argI(18);
  const units = argI(14) * keyHeads;
  const groups = argI(17) / keyHeads;
  const to = rangeStart(units, chunk + 1, chunks, 1);
  for (let unit = rangeStart(units, chunk, chunks, 1); unit < to; unit++) {
    const batch = unit / keyHeads;
    const keyHead = unit % keyHeads;
    clearHead(batch, keyHead);
    for (let head = keyHead * groups; head < (keyHead + 1) * groups; head++) {
      for (let first = 0; first < argI(15); first += QUERIES) gradBlock(batch, head, keyHead, first);
    }
  }
}

// @ts-ignore: decorator
@inline
function keyRow(batch: i32, key: i32, keyHead: i32): usize {
  return ((<usize>(batch * argI(16) + key) * <usize>argI(18) + <usize>keyHead) * <usize>argI(19)) << 2;
}

// @ts-ignore: decorator
@inline
function queryRow(batch: i32, t: i32, head: i32): usize {
  return ((<usize>(batch * argI(15) + t) * <usize>argI(17) + <usize>head) * <usize>argI(19)) << 2;
}

function clearHead(batch: i32, keyHead: i32): void {
  const bytes = <usize>argI(19) << 2;
  for (let s = 0; s < argI(16); s++) {
    const at = keyRow(batch, s, keyHead);
    memory.fill(argP(12) + at, 0, bytes);
    memory.fill(argP(13) + at, 0, bytes);
  }
}

// @ts-ignore: decorator
@inline
function usePanel(batch: i32, t: i32, count: i32): void {
  const time = argI(15);
  const keys = argI(16);
  const queryDocs = argP(6) + (<usize>(batch * time) << 2);
  setPanel(queryDocs, argP(7) + (<usize>(batch * keys) << 2), t, count, keys - time + t, argI(20));
}

/** Up to 48 queries of one head: dq of them, and their share of dk and dv. */
function gradBlock(batch: i32, head: i32, keyHead: i32, first: i32): void {
  const d = argI(19);
  const pitch = argI(17) * d;
  const count = min(QUERIES, argI(15) - first);
  const row = queryRow(batch, first, head);
  const base = scratchUser();
  const panelBytes = <usize>(QUERIES * ((d + 7) & ~7)) << 2;
  const q = base + PANELS;
  const dout = q + panelBytes;
  const qRows = dout + panelBytes;
  const doutRows = qRows + panelBytes;
  const dq = doutRows + panelBytes;
  packB(q, argP(0) + row, pitch, 1, 0, 0, d, count);
  packB(dout, argP(10) + row, pitch, 1, 0, 0, d, count);
  packB(qRows, argP(0) + row, pitch, 0, 0, 0, count, d);
  packB(doutRows, argP(10) + row, pitch, 0, 0, 0, count, d);
  scaleInPlace(q, d * ((count + 7) & ~7), argF(21));
  scaleInPlace(qRows, count * ((d + 7) & ~7), argF(21));
  const dqBytes = <usize>roundUpRows(d) << 5;
  memory.fill(dq, 0, <usize>((count + 7) >> 3) * dqBytes);
  let low = i32.MAX_VALUE;
  let high = 0;
  for (let i = 0; i < count; i += 8) {
    usePanel(batch, first + i, min(8, count - i));
    if (lowKey >= highKey) continue;
    low = min(low, lowKey);
    high = max(high, highKey);
  }
  if (high == 0) low = 0;
  for (let from = roundDownKeys(low); from < high; from += KEY_BLOCK) {
    const to = min(high, from + KEY_BLOCK);
    for (let i = 0; i < count; i += 8) {
      gradPanel(batch, head, keyHead, first, i, count, from, to, q, dout, dq + <usize>(i >> 3) * dqBytes);
    }
    const ldc = argI(18) * d;
    const target = keyRow(batch, from, keyHead);
    blockProduct(base + LEFT_P, doutRows, argP(13) + target, ldc, to - from, d, count, 1);
    blockProduct(base + LEFT_S, qRows, argP(12) + target, ldc, to - from, d, count, 1);
  }
  const factors = base + LANES;
  v128.store(factors, f32x4.splat(argF(21)));
  v128.store(factors, f32x4.splat(argF(21)), 16);
  for (let i = 0; i < count; i += 8) {
    const to = argP(11) + row + ((<usize>i * <usize>pitch) << 2);
    storePanel(dq + <usize>(i >> 3) * dqBytes, d, to, <usize>pitch << 2, min(8, count - i), factors);
  }
}

/** Queries i..i+7 of the block on keys from..to-1: left sides of dk and dv, and dq. */
function gradPanel(
  batch: i32,
  head: i32,
  keyHead: i32,
  first: i32,
  i: i32,
  count: i32,
  from: i32,
  to: i32,
  q: usize,
  dout: usize,
  dq: usize,
): void {
  const d = argI(19);
  const keys = argI(16);
  const base = scratchUser();
  const lanes = min(8, count - i);
  usePanel(batch, first + i, lanes);
  const start = max(from, roundDownKeys(lowKey));
  const end = min(to, highKey);
  const kv = <usize>(batch * argI(18) + keyHead);
  if (start < end) {
    const panel = (<usize>i * <usize>d) << 2;
    const packedK = argP(3) + kv * packedSize(keys, d, 0);
    const packedV = argP(4) + kv * packedSize(keys, d, 0);
    const key = (<usize>start * <usize>d) << 2;
    const keyPanel = <usize>(d * MR) << 2;
    panelsTimesPanel(end - start, d, packedK + key, keyPanel, q + panel, base, 0);
    panelsTimesPanel(end - start, d, packedV + key, keyPanel, dout + panel, base + SLOPES, 0);
    loadLaneValues(batch, head, first + i, lanes);
    if (argF(22) != 0) capScores(base, end - start, argF(22), base + CAP_SLOPES);
    slopes(base, start, end);
    if (argF(22) != 0) multiplyTile(base + SLOPES, end - start, base + CAP_SLOPES);
    const kt = argP(5) + kv * packedSize(keys, d, 1) + ((<usize>start * MR) << 2);
    panelsTimesPanel(d, end - start, kt, <usize>(keys * MR) << 2, base + SLOPES, dq, 1);
  }
  for (let s = from; s < to; s += MR) {
    const at = ((<usize>(s - from) * <usize>count + <usize>i * MR) << 2);
    if (s < start || s >= end) {
      memory.fill(base + LEFT_P + at, 0, (<usize>lanes * MR) << 2);
      memory.fill(base + LEFT_S + at, 0, (<usize>lanes * MR) << 2);
    } else {
      const tile = base + (<usize>(s - start) << 5);
      packA(base + LEFT_P + at, tile, 8, 0, 0, 0, MR, lanes);
      packA(base + LEFT_S + at, tile + SLOPES, 8, 0, 0, 0, MR, lanes);
    }
  }
}

/** delta = out . dout and the logsumexp of each query. */
function loadLaneValues(batch: i32, head: i32, t: i32, lanes: i32): void {
  const d = argI(19);
  const to = scratchUser() + LANES;
  memory.fill(to, 0, 64);
  const logsumexp = argP(9) + (<usize>((batch * argI(17) + head) * argI(15) + t) << 2);
  for (let lane = 0; lane < lanes; lane++) {
    const row = queryRow(batch, t + lane, head);
    store<f32>(to + (<usize>lane << 2), dot(argP(8) + row, argP(10) + row, d));
    store<f32>(to + (<usize>lane << 2), load<f32>(logsumexp + (<usize>lane << 2)), 32);
  }
}

/** Scores become probabilities, and dP becomes dS = P (dP - delta); rows up to the tile's edge become 0. */
function slopes(tile: usize, from: i32, to: i32): void {
  const start = plainStart(from, to);
  const end = plainEnd(start, to);
  const deltaLow = v128.load(tile + LANES);
  const deltaHigh = v128.load(tile + LANES, 16);
  const lseLow = v128.load(tile + LANES, 32);
  const lseHigh = v128.load(tile + LANES, 48);
  const zero = f32x4.splat(0);
  const c0 = constant(0), c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4);
  const c5 = constant(5), c6 = constant(6), c7 = constant(7), c8 = constant(8), c9 = constant(9);
  for (let s = from; s < to; s++) {
    const p = tile + (<usize>(s - from) << 5);
    let low = exp4With(f32x4.sub(v128.load(p), lseLow), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
    let high = exp4With(f32x4.sub(v128.load(p, 16), lseHigh), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
    let dLow = f32x4.mul(low, f32x4.sub(v128.load(p, SLOPES), deltaLow));
    let dHigh = f32x4.mul(high, f32x4.sub(v128.load(p, SLOPES + 16), deltaHigh));
    if (s < start || s >= end) {
      const a = seesLow(s);
      const b = seesHigh(s);
      low = v128.and(low, a);
      high = v128.and(high, b);
      dLow = v128.and(dLow, a);
      dHigh = v128.and(dHigh, b);
    }
    v128.store(p, low);
    v128.store(p, high, 16);
    v128.store(p, dLow, SLOPES);
    v128.store(p, dHigh, SLOPES + 16);
  }
  for (let s = to; s < from + roundUpRows(to - from); s++) {
    const p = tile + (<usize>(s - from) << 5);
    v128.store(p, zero);
    v128.store(p, zero, 16);
    v128.store(p, zero, SLOPES);
    v128.store(p, zero, SLOPES + 16);
  }
}
