import { laneSum } from '../lanes';
import { argF, argI, argP, rangeStart, scratchUser } from '../layout';
import { exp4, loadLanes, madd, storeLanes, log } from './math';
import { softcap4 } from './softcap';

/**
 * Attention of few queries on many keys, without packing: decoding reads each key once anyway.
 * args as attentionChunk, with k and v themselves in place of the packed ones. A unit is one query of
 * one head.
 */
export function attentionDirectChunk(chunk: i32, chunks: i32): void {
  const time = argI(8);
  const heads = argI(10);
  const units = argI(7) * heads * time;
  const to = rangeStart(units, chunk + 1, chunks, 1);
  for (let unit = rangeStart(units, chunk, chunks, 1); unit < to; unit++) {
    attendQuery(unit / (heads * time), (unit / time) % heads, unit % time, unit);
  }
}

function attendQuery(batch: i32, head: i32, t: i32, unit: i32): void {
  const time = argI(8);
  const keys = argI(9);
  const heads = argI(10);
  const keyHeads = argI(11);
  const d = argI(12);
  const window = argI(13);
  const row = ((<usize>(batch * time + t) * <usize>heads + <usize>head) * <usize>d) << 2;
  const kv = (<usize>(batch * keys * keyHeads + head / (heads / keyHeads)) * <usize>d) << 2;
  const pitch = <usize>(keyHeads * d) << 2;
  const keyDocs = argP(4) + (<usize>(batch * keys) << 2);
  const document = load<i32>(argP(3) + (<usize>(batch * time + t) << 2));
  const position = keys - time + t;
  let low = window > 0 ? max(0, position - window + 1) : 0;
  let high = position + 1;
  if (document < 0) high = low;
  while (low < high && load<i32>(keyDocs + (<usize>low << 2)) != document) low++;
  while (high > low && load<i32>(keyDocs + ((<usize>high - 1) << 2)) != document) high--;
  const scores = scratchUser();
  const n = high - low;
  const m = scoreKeys(argP(0) + row, argP(1) + kv + <usize>low * pitch, pitch, scores, n, d, keyDocs + (<usize>low << 2), document);
  const sum = exponentiate(scores, n, m == -Infinity ? 0 : m);
  store<f32>(argP(6) + (<usize>unit << 2), <f32>(<f64>m + log(sum)));
  weightedSum(scores, argP(2) + kv + <usize>low * pitch, pitch, argP(5) + row, n, d, sum == 0 ? 0 : <f32>(1 / sum));
}

/** scores[s] = scale q . k[s], capped where there is a cap, -Infinity in another document; returns the greatest. */
function scoreKeys(q: usize, k: usize, pitch: usize, scores: usize, n: i32, d: i32, docs: usize, document: i32): f32 {
  const scale = argF(14);
  const cap = argF(15);
  let best: f32 = -Infinity;
  for (let s = 0; s < n; s++) {
    const at = <usize>s << 2;
    let value: f32 = -Infinity;
    if (load<i32>(docs + at) == document) {
      value = scale * dotRow(q, k + <usize>s * pitch, d);
      if (cap != 0) value = f32x4.extract_lane(softcap4(f32x4.splat(value), f32x4.splat(cap)), 0);
    }
    store<f32>(scores + at, value);
    if (value > best) best = value;
  }
  return best;
}

// @ts-ignore: decorator
@inline
function dotRow(q: usize, k: usize, d: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= d; i += 8) {
    const o = <usize>i << 2;
    s0 = madd(v128.load(q + o), v128.load(k + o), s0);
    s1 = madd(v128.load(q + o, 16), v128.load(k + o, 16), s1);
  }
  for (; i < d; i += 4) {
    const o = <usize>i << 2;
    s0 = madd(loadLanes(q + o, d - i), loadLanes(k + o, d - i), s0);
  }
  return laneSum(f32x4.add(s0, s1));
}

/** x = exp(x - shift) in place; returns the sum. */
function exponentiate(x: usize, n: i32, shift: f32): f64 {
  const m = f32x4.splat(shift);
  let total: f64 = 0;
  for (let i = 0; i < n; i += 4) {
    const p = x + (<usize>i << 2);
    const e = v128.and(exp4(f32x4.sub(v128.load(p), m)), i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n - i)));
    v128.store(p, e);
    total += <f64>laneSum(e);
  }
  return total;
}

/** out = factor * sum over s of weights[s] * v[s]. */
function weightedSum(weights: usize, v: usize, pitch: usize, out: usize, n: i32, d: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 16 <= d; i += 16) {
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (let s = 0; s < n; s++) {
      const w = v128.load32_splat(weights + (<usize>s << 2));
      const p = v + <usize>s * pitch + (<usize>i << 2);
      a0 = madd(w, v128.load(p), a0);
      a1 = madd(w, v128.load(p, 16), a1);
      a2 = madd(w, v128.load(p, 32), a2);
      a3 = madd(w, v128.load(p, 48), a3);
    }
    const q = out + (<usize>i << 2);
    v128.store(q, f32x4.mul(a0, f));
    v128.store(q, f32x4.mul(a1, f), 16);
    v128.store(q, f32x4.mul(a2, f), 32);
    v128.store(q, f32x4.mul(a3, f), 48);
  }
  for (; i < d; i += 4) {
    let a = f32x4.splat(0);
    for (let s = 0; s < n; s++) {
      const w = v128.load32_splat(weights + (<usize>s << 2));
      a = madd(w, v128.load(v + <usize>s * pitch + (<usize>i << 2)), a);
    }
    const q = out + (<usize>i << 2);
    if (i + 4 <= d) v128.store(q, f32x4.mul(a, f));
    else storeLanes(q, f32x4.mul(a, f), d - i);
  }
}
