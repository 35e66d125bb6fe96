// One panel is 8 queries of one head, a query per lane: two vectors hold a value of all of them.
// Scores are kept transposed, [keys][8]: maxima and sums over keys need no horizontal step, and the
// tile is at the same time the packed right side of the next product.

import { MR } from '../micro-kernel';
import { softcap4, softcapSlope4 } from './softcap';

/** Keys per block; a multiple of both heights of a micro-tile (4 and 6). */
export const KEY_BLOCK: i32 = 384;

/** What the 8 queries of the current panel may see. Each thread has its own instance of the module. */
let docLow: v128 = i32x4.splat(-2);
let docHigh: v128 = i32x4.splat(-2);
let limitLow: v128 = i32x4.splat(0);
let limitHigh: v128 = i32x4.splat(0);
let floorLow: v128 = i32x4.splat(0);
let floorHigh: v128 = i32x4.splat(0);
let uniformDoc: i32 = -1;
let firstLimit: i32 = 0;
let lastFloor: i32 = 0;
let keyDocs: usize = 0;
/** Keys that any query of the panel sees lie in lowKey … highKey-1. */
export let lowKey: i32 = 0;
export let highKey: i32 = 0;

/**
 * Sets the panel: `count` (1 to 8) queries from query `first` of a row of document ids, the first one
 * standing at key `position`. keys: document ids of the keys of the same batch row.
 */
export function setPanel(queryDocs: usize, keys: usize, first: i32, count: i32, position: i32, window: i32): void {
  const from = queryDocs + ((<usize>first) << 2);
  keyDocs = keys;
  uniformDoc = -1;
  if (count == 8) {
    docLow = v128.load(from);
    docHigh = v128.load(from, 16);
    const same = v128.load32_splat(from);
    const equal = v128.and(i32x4.eq(docLow, same), i32x4.eq(docHigh, same));
    if (i32x4.all_true(equal)) uniformDoc = load<i32>(from);
  } else {
    docLow = i32x4.splat(-2);
    docHigh = docLow;
    for (let lane = 0; lane < count; lane++) setLane(lane, load<i32>(from + ((<usize>lane) << 2)));
  }
  limitLow = i32x4.add(i32x4.splat(position), i32x4(0, 1, 2, 3));
  limitHigh = i32x4.add(i32x4.splat(position + 4), i32x4(0, 1, 2, 3));
  const reach = window > 0 ? window : i32.MAX_VALUE;
  floorLow = i32x4.sub(limitLow, i32x4.splat(reach));
  floorHigh = i32x4.sub(limitHigh, i32x4.splat(reach));
  firstLimit = position;
  lastFloor = position + 7 - reach;
  lowKey = max(0, position - reach + 1);
  highKey = position + count;
  while (lowKey < highKey && !anyOfDocument(lowKey)) lowKey++;
  while (highKey > lowKey && !anyOfDocument(highKey - 1)) highKey--;
}

function setLane(lane: i32, doc: i32): void {
  const at = lane & 3;
  const mask = i32x4.eq(i32x4(0, 1, 2, 3), i32x4.splat(at));
  if (lane < 4) docLow = v128.bitselect(i32x4.splat(doc), docLow, mask);
  else docHigh = v128.bitselect(i32x4.splat(doc), docHigh, mask);
}

function anyOfDocument(key: i32): bool {
  const doc = load<i32>(keyDocs + ((<usize>key) << 2));
  if (doc < 0) return false;
  const d = i32x4.splat(doc);
  return v128.any_true(v128.or(i32x4.eq(d, docLow), i32x4.eq(d, docHigh)));
}

/** First key of from..to-1 that every query of the panel sees, `to` if there is none. */
export function plainStart(from: i32, to: i32): i32 {
  if (uniformDoc < 0) return to;
  let s = max(from, lastFloor + 1);
  const end = min(to, firstLimit + 1);
  while (s < end && load<i32>(keyDocs + ((<usize>s) << 2)) != uniformDoc) s++;
  return s < end ? s : to;
}

/** End of the run of such keys that starts at `start`. */
export function plainEnd(start: i32, to: i32): i32 {
  if (start >= to) return to;
  let s = start;
  const end = min(to, firstLimit + 1);
  const doc = i32x4.splat(uniformDoc);
  while (s + 4 <= end && i32x4.all_true(i32x4.eq(v128.load(keyDocs + ((<usize>s) << 2)), doc))) s += 4;
  while (s < end && load<i32>(keyDocs + ((<usize>s) << 2)) == uniformDoc) s++;
  return s;
}

/** Lanes 0-3: all bits set where the query sees the key. */
// @ts-ignore: decorator
@inline
export function seesLow(key: i32): v128 {
  const doc = load<i32>(keyDocs + ((<usize>key) << 2));
  const k = i32x4.splat(key);
  const d = i32x4.splat(doc < 0 ? -3 : doc);
  return v128.and(i32x4.eq(d, docLow), v128.and(i32x4.le_s(k, limitLow), i32x4.gt_s(k, floorLow)));
}

/** Lanes 4-7. */
// @ts-ignore: decorator
@inline
export function seesHigh(key: i32): v128 {
  const doc = load<i32>(keyDocs + ((<usize>key) << 2));
  const k = i32x4.splat(key);
  const d = i32x4.splat(doc < 0 ? -3 : doc);
  return v128.and(i32x4.eq(d, docHigh), v128.and(i32x4.le_s(k, limitHigh), i32x4.gt_s(k, floorHigh)));
}

/** n rounded up to whole micro-tile rows. */
// @ts-ignore: decorator
@inline
export function roundUpRows(n: i32): i32 {
  return ((n + MR - 1) / MR) * MR;
}

/** n rounded down to a start that fits both micro-tile heights. */
// @ts-ignore: decorator
@inline
export function roundDownKeys(n: i32): i32 {
  return (n / 24) * 24;
}

/** Multiplies n floats (n a multiple of 4) in place. */
export function scaleInPlace(p: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  for (let i = 0; i < n; i += 4) v128.store(p + ((<usize>i) << 2), f32x4.mul(v128.load(p + ((<usize>i) << 2)), f));
}

/** Caps `rows` rows of a [keys][8] tile of scores; the slopes of the cap go to `slopes`, a tile alike, unless it is 0. */
export function capScores(tile: usize, rows: i32, cap: f32, slopes: usize): void {
  const c = f32x4.splat(cap);
  const bytes = <usize>rows << 5;
  for (let at: usize = 0; at < bytes; at += 16) {
    const y = softcap4(v128.load(tile + at), c);
    v128.store(tile + at, y);
    if (slopes != 0) v128.store(slopes + at, softcapSlope4(y, c));
  }
}

/** Multiplies `rows` rows of a [keys][8] tile by another one. */
export function multiplyTile(tile: usize, rows: i32, factors: usize): void {
  const bytes = <usize>rows << 5;
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(tile + at, f32x4.mul(v128.load(tile + at), v128.load(factors + at)));
  }
}

/**
 * Writes a [d][8] tile as rows: to + lane * pitch, for `count` lanes, each multiplied by its one of 8 factors.
 */
export function storePanel(tile: usize, d: i32, to: usize, pitch: usize, count: i32, factors: usize): void {
  const low = v128.load(factors);
  const high = v128.load(factors, 16);
  const whole = d & ~3;
  for (let i = 0; i < whole; i += 4) {
    const p = tile + ((<usize>i) << 5);
    const q = to + ((<usize>i) << 2);
    storeFour(p, low, q, pitch, min(count, 4));
    if (count > 4) storeFour(p + 16, high, q + 4 * pitch, pitch, count - 4);
  }
  if (whole == d) return;
  for (let i = whole; i < d; i++) {
    const p = tile + ((<usize>i) << 5);
    v128.store(p, f32x4.mul(v128.load(p), low));
    v128.store(p, f32x4.mul(v128.load(p, 16), high), 16);
    for (let lane = 0; lane < count; lane++) {
      store<f32>(to + <usize>lane * pitch + ((<usize>i) << 2), load<f32>(p + ((<usize>lane) << 2)));
    }
  }
}

// @ts-ignore: decorator
@inline
function storeFour(p: usize, factor: v128, q: usize, pitch: usize, count: i32): void {
  const x0 = f32x4.mul(v128.load(p), factor);
  const x1 = f32x4.mul(v128.load(p, 32), factor);
  const x2 = f32x4.mul(v128.load(p, 64), factor);
  const x3 = f32x4.mul(v128.load(p, 96), factor);
  const a0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
  const a1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const b0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
  const b1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  v128.store(q, v128.shuffle<f32>(a0, b0, 0, 1, 4, 5));
  if (count > 1) v128.store(q + pitch, v128.shuffle<f32>(a0, b0, 2, 3, 6, 7));
  if (count > 2) v128.store(q + 2 * pitch, v128.shuffle<f32>(a1, b1, 0, 1, 4, 5));
  if (count > 3) v128.store(q + 3 * pitch, v128.shuffle<f32>(a1, b1, 2, 3, 6, 7));
}
