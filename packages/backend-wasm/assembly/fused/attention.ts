import { log4 } from '../functions';
import { argF, argI, argP, rangeStart, scratchUser } from '../layout';
import { MR } from '../micro-kernel';
import { packA, packB } from '../pack';
import { panelsTimesPanel } from '../product';
import {
  capScores,
  highKey,
  KEY_BLOCK,
  lowKey,
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
import { constant, exp4, exp4With, storeUpTo } from './math';

// scratch: score tile, running maximum, sum and correction (8 lanes each), then Q and O panels
const MAXIMUM: usize = (<usize>KEY_BLOCK + 8) << 5;
const SUM: usize = MAXIMUM + 32;
const CORRECTION: usize = MAXIMUM + 64;
const PANELS: usize = MAXIMUM + 128;

/**
 * args: source, packed, batch, keys, heads, headSize, transposed. A unit is one head of one batch row of
 * [batch, keys, heads, headSize]; transposed 0: panels [keys/MR][headSize][MR], 1: [headSize/MR][keys][MR].
 */
export function attentionPackChunk(chunk: i32, chunks: i32): void {
  const keys = argI(3);
  const heads = argI(4);
  const d = argI(5);
  const transposed = argI(6);
  const units = argI(2) * heads;
  const size = packedSize(keys, d, transposed);
  const to = rangeStart(units, chunk + 1, chunks, 1);
  for (let unit = rangeStart(units, chunk, chunks, 1); unit < to; unit++) {
    const at = <usize>(unit / heads) * <usize>keys * <usize>heads + <usize>(unit % heads);
    const from = argP(0) + ((at * <usize>d) << 2);
    const target = argP(1) + <usize>unit * size;
    if (transposed) packA(target, from, heads * d, 1, 0, 0, d, keys);
    else packA(target, from, heads * d, 0, 0, 0, keys, d);
  }
}

/** Bytes of one packed head. */
// @ts-ignore: decorator
@inline
export function packedSize(keys: i32, d: i32, transposed: i32): usize {
  return (transposed ? <usize>roundUpRows(d) * <usize>keys : <usize>roundUpRows(keys) * <usize>d) << 2;
}

/**
 * args: q, packedK, packedV, queryDocs, keyDocs, out, logsumexp, batch, time, keys, heads, keyHeads,
 * headSize, window, scale, softcap. A unit is 8 queries of one head of one batch row.
 */
export function attentionChunk(chunk: i32, chunks: i32): void {
  const panels = (argI(8) + 7) >> 3;
  const units = argI(7) * argI(10) * panels;
  const to = rangeStart(units, chunk + 1, chunks, 1);
  for (let unit = rangeStart(units, chunk, chunks, 1); unit < to; unit++) {
    const head = unit / panels;
    attendPanel(head / argI(10), head % argI(10), (unit % panels) << 3);
  }
}

function attendPanel(batch: i32, head: i32, first: i32): void {
  const time = argI(8);
  const keys = argI(9);
  const heads = argI(10);
  const keyHeads = argI(11);
  const d = argI(12);
  const count = min(8, time - first);
  const kv = <usize>(batch * keyHeads + head / (heads / keyHeads));
  const packedK = argP(1) + kv * packedSize(keys, d, 0);
  const packedV = argP(2) + kv * packedSize(keys, d, 1);
  const row = ((<usize>(batch * time + first) * <usize>heads + <usize>head) * <usize>d) << 2;
  const pitch = <usize>(heads * d) << 2;
  const tile = scratchUser();
  const q = tile + PANELS;
  const o = q + (<usize>d << 5);
  setPanel(argP(3) + ((<usize>(batch * time)) << 2), argP(4) + ((<usize>(batch * keys)) << 2), first, count, keys - time + first, argI(13));
  packB(q, argP(0) + row, heads * d, 1, 0, 0, d, count);
  scaleInPlace(q, d << 3, argF(14));
  startPanel(tile, o, d);
  let accumulate = 0;
  for (let from = roundDownKeys(lowKey); from < highKey; from += KEY_BLOCK) {
    const to = min(highKey, from + KEY_BLOCK);
    panelsTimesPanel(to - from, d, packedK + ((<usize>from * <usize>d) << 2), <usize>(d * MR) << 2, q, tile, 0);
    if (argF(15) != 0) capScores(tile, to - from, argF(15), 0);
    softmaxTile(tile, from, to);
    if (accumulate) correct(tile, o, d);
    const v = packedV + ((<usize>from * MR) << 2);
    panelsTimesPanel(d, to - from, v, <usize>(keys * MR) << 2, tile, o, accumulate);
    accumulate = 1;
  }
  finishPanel(tile, o, d, argP(5) + row, pitch, count, argP(6) + ((<usize>((batch * heads + head) * time + first)) << 2));
}

function startPanel(tile: usize, o: usize, d: i32): void {
  v128.store(tile + MAXIMUM, f32x4.splat(-Infinity));
  v128.store(tile + MAXIMUM, f32x4.splat(-Infinity), 16);
  v128.store(tile + SUM, f32x4.splat(0));
  v128.store(tile + SUM, f32x4.splat(0), 16);
  memory.fill(o, 0, <usize>d << 5);
}

/** Scores of keys from..to-1 become exp(score - maximum so far); keeps maximum, sum and correction. */
function softmaxTile(tile: usize, from: i32, to: i32): void {
  const oldLow = v128.load(tile + MAXIMUM);
  const oldHigh = v128.load(tile + MAXIMUM, 16);
  let mLow = oldLow;
  let mHigh = oldHigh;
  const start = plainStart(from, to);
  const end = plainEnd(start, to);
  const hidden = f32x4.splat(-Infinity);
  for (let s = from; s < to; s++) {
    const p = tile + (<usize>(s - from) << 5);
    let low = v128.load(p);
    let high = v128.load(p, 16);
    if (s < start || s >= end) {
      low = v128.bitselect(low, hidden, seesLow(s));
      high = v128.bitselect(high, hidden, seesHigh(s));
      v128.store(p, low);
      v128.store(p, high, 16);
    }
    mLow = f32x4.pmax(mLow, low);
    mHigh = f32x4.pmax(mHigh, high);
  }
  v128.store(tile + MAXIMUM, mLow);
  v128.store(tile + MAXIMUM, mHigh, 16);
  // a query that has seen nothing yet has maximum -Infinity, and -Infinity - -Infinity is NaN
  const zero = f32x4.splat(0);
  mLow = v128.bitselect(zero, mLow, f32x4.eq(mLow, hidden));
  mHigh = v128.bitselect(zero, mHigh, f32x4.eq(mHigh, hidden));
  // through memory: an engine that packs adjacent vectors gives up where it follows them into the masks above
  v128.store(tile + CORRECTION, mLow);
  v128.store(tile + CORRECTION, mHigh, 16);
  mLow = v128.load(tile + CORRECTION);
  mHigh = v128.load(tile + CORRECTION, 16);
  const c0 = constant(0), c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4);
  const c5 = constant(5), c6 = constant(6), c7 = constant(7), c8 = constant(8), c9 = constant(9);
  let sumLow = zero;
  let sumHigh = zero;
  for (let s = from; s < to; s++) {
    const p = tile + (<usize>(s - from) << 5);
    const low = exp4With(f32x4.sub(v128.load(p), mLow), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
    const high = exp4With(f32x4.sub(v128.load(p, 16), mHigh), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
    v128.store(p, low);
    v128.store(p, high, 16);
    sumLow = f32x4.add(sumLow, low);
    sumHigh = f32x4.add(sumHigh, high);
  }
  const cLow = exp4(f32x4.sub(oldLow, mLow));
  const cHigh = exp4(f32x4.sub(oldHigh, mHigh));
  v128.store(tile + CORRECTION, cLow);
  v128.store(tile + CORRECTION, cHigh, 16);
  const totalLow = f32x4.add(f32x4.mul(v128.load(tile + SUM), cLow), sumLow);
  const totalHigh = f32x4.add(f32x4.mul(v128.load(tile + SUM, 16), cHigh), sumHigh);
  v128.store(tile + SUM, totalLow);
  v128.store(tile + SUM, totalHigh, 16);
}

/** Brings the result of earlier key blocks to the new maximum (Milakov & Gimelshein 2018). */
function correct(tile: usize, o: usize, d: i32): void {
  const low = v128.load(tile + CORRECTION);
  const high = v128.load(tile + CORRECTION, 16);
  for (let i = 0; i < d; i++) {
    const p = o + (<usize>i << 5);
    const x = f32x4.mul(v128.load(p), low), y = f32x4.mul(v128.load(p, 16), high);
    v128.store(p, x);
    v128.store(p, y, 16);
  }
}

function finishPanel(tile: usize, o: usize, d: i32, out: usize, pitch: usize, count: i32, logsumexp: usize): void {
  const low = v128.load(tile + SUM);
  const high = v128.load(tile + SUM, 16);
  storeUpTo(logsumexp, f32x4.add(v128.load(tile + MAXIMUM), log4(low)), count);
  if (count > 4) storeUpTo(logsumexp + 16, f32x4.add(v128.load(tile + MAXIMUM, 16), log4(high)), count - 4);
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const factors = tile + CORRECTION;
  v128.store(factors, v128.bitselect(zero, f32x4.div(one, low), f32x4.eq(low, zero)));
  v128.store(factors, v128.bitselect(zero, f32x4.div(one, high), f32x4.eq(high, zero)), 16);
  storePanel(o, d, out, pitch, count, factors);
}
