import { sigmoid4, softplus4, tanh4 } from '../functions';
import { dot, loadLanes, madd, storeUpTo } from './math';

// @ts-ignore: decorator
@inline
function first(v: v128): f32 {
  return f32x4.extract_lane(v, 0);
}

/** inner = tanh(left + leftBias + right + rightBias), logit = weight . inner + bias, rows begin..end of length d. */
export function gateWeight(
  left: usize,
  right: usize,
  leftBias: usize,
  rightBias: usize,
  weight: usize,
  bias: usize,
  logit: usize,
  probability: usize,
  inner: usize,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * bytes;
    for (let i = 0; i < d; i += 4) {
      const o = (<usize>i) << 2;
      const l = f32x4.add(v128.load(left + at + o), v128.load(leftBias + o));
      const r = f32x4.add(v128.load(right + at + o), v128.load(rightBias + o));
      storeUpTo(inner + at + o, tanh4(f32x4.add(l, r)), d - i);
    }
    const score = dot(inner + at, weight, d) + load<f32>(bias);
    const place = (<usize>row) << 2;
    store<f32>(logit + place, score);
    store<f32>(probability + place, first(sigmoid4(f32x4.splat(score))));
  }
}

/**
 * Row ranges begin..end (of `parts` equal ones): dsum = slope weight (1 - inner^2), slope = dlogit + dprobability p (1 - p),
 * and per range the sums over its rows of dsum, of slope inner (both d long) and of slope, one behind the other.
 */
export function gateWeightGrad(
  weight: usize,
  probability: usize,
  inner: usize,
  dlogit: usize,
  dprobability: usize,
  dsum: usize,
  partial: usize,
  rows: i32,
  d: i32,
  parts: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  const pitch = (bytes << 1) + 4;
  for (let part = begin; part < end; part++) {
    const sums = partial + <usize>part * pitch;
    memory.fill(sums, 0, pitch);
    const last = <i32>((<i64>(part + 1) * rows) / parts);
    for (let row = <i32>((<i64>part * rows) / parts); row < last; row++) {
      const place = (<usize>row) << 2;
      const p = load<f32>(probability + place);
      const slope = load<f32>(dlogit + place) + load<f32>(dprobability + place) * p * (1 - p);
      const at = <usize>row * bytes;
      gateWeightGradRow(weight, inner + at, slope, dsum + at, sums, d);
      store<f32>(sums + (bytes << 1), load<f32>(sums + (bytes << 1)) + slope);
    }
  }
}

// @ts-ignore: decorator
@inline
function gateWeightGradRow(weight: usize, inner: usize, slope: f32, dsum: usize, sums: usize, d: i32): void {
  const s = f32x4.splat(slope);
  const one = f32x4.splat(1);
  const weights = sums + ((<usize>d) << 2);
  for (let i = 0; i < d; i += 4) {
    const o = (<usize>i) << 2;
    const v = v128.load(inner + o);
    const down = f32x4.mul(f32x4.mul(s, v128.load(weight + o)), f32x4.sub(one, f32x4.mul(v, v)));
    storeUpTo(dsum + o, down, d - i);
    storeUpTo(sums + o, f32x4.add(v128.load(sums + o), down), d - i);
    storeUpTo(weights + o, madd(s, v, v128.load(weights + o)), d - i);
  }
}

// @ts-ignore: decorator
@inline
function maskOf(classes: usize, documents: usize, kind: i32): v128 {
  const shown = i32x4.ge_s(v128.load(documents), i32x4.splat(0));
  return v128.and(i32x4.eq(v128.load(classes), i32x4.splat(kind)), shown);
}

/** partial[part] = sums of softplus(-z) where classes is `up` and of softplus(z) where it is `down`, in float64. */
export function gatePrior(
  logit: usize,
  classes: usize,
  documents: usize,
  partial: usize,
  n: i32,
  up: i32,
  down: i32,
  span: i32,
  begin: i32,
  end: i32,
): void {
  for (let part = begin; part < end; part++) {
    let upward: f64 = 0;
    let downward: f64 = 0;
    const last = min(n, (part + 1) * span);
    for (let i = part * span; i < last; i += 4) {
      const o = (<usize>i) << 2;
      const z = loadLanes(logit + o, last - i);
      const inside = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(last - i));
      const a = v128.and(inside, maskOf(classes + o, documents + o, up));
      const b = v128.and(inside, maskOf(classes + o, documents + o, down));
      upward += sumOf(v128.and(a, softplus4(f32x4.neg(z))));
      downward += sumOf(v128.and(b, softplus4(z)));
    }
    store<f64>(partial + ((<usize>part) << 4), upward);
    store<f64>(partial + ((<usize>part) << 4), downward, 8);
  }
}

// @ts-ignore: decorator
@inline
function sumOf(v: v128): f64 {
  const low = f64x2.add(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3)));
  return f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
}

/** positive and negative from the sums of all parts, in order. */
export function gatePriorSum(
  partial: usize,
  parts: i32,
  positive: usize,
  negative: usize,
  upScale: f32,
  downScale: f32,
): void {
  let up: f64 = 0;
  let down: f64 = 0;
  for (let part = 0; part < parts; part++) {
    up += load<f64>(partial + ((<usize>part) << 4));
    down += load<f64>(partial + ((<usize>part) << 4), 8);
  }
  store<f32>(positive, <f32>(up * <f64>upScale));
  store<f32>(negative, <f32>(down * <f64>downScale));
}

/** dlogit of both sums; elements begin..end. */
export function gatePriorGrad(
  logit: usize,
  classes: usize,
  documents: usize,
  dpositive: usize,
  dnegative: usize,
  dlogit: usize,
  up: i32,
  down: i32,
  upScale: f32,
  downScale: f32,
  begin: i32,
  end: i32,
): void {
  const upward = f32x4.splat(-load<f32>(dpositive) * upScale);
  const downward = f32x4.splat(load<f32>(dnegative) * downScale);
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const z = v128.load(logit + o);
    const a = v128.and(maskOf(classes + o, documents + o, up), f32x4.mul(upward, sigmoid4(f32x4.neg(z))));
    const b = v128.and(maskOf(classes + o, documents + o, down), f32x4.mul(downward, sigmoid4(z)));
    storeUpTo(dlogit + o, f32x4.add(a, b), end - i);
  }
}
