import { laneSum } from '../lanes';
import { constant, exp4, exp4With, log, scaleRow, storeUpTo } from './math';
import { softcapSlope4 } from './softcap';

// lanes are summed in float32 over this many elements, then in float64
const SPAN: i32 = 1024;

// @ts-ignore: decorator
@inline
function rowMax(x: usize, n: i32): f32 {
  let m = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4) m = f32x4.pmax(m, v128.load(x + ((<usize>i) << 2)));
  let best = max(
    max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
    max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
  );
  for (; i < n; i++) {
    const v = load<f32>(x + ((<usize>i) << 2));
    if (v > best) best = v;
  }
  return best;
}

/** Sum of exp(x - shift) over one row. */
// @ts-ignore: decorator
@inline
function sumExp(x: usize, n: i32, shift: f32): f64 {
  const m = f32x4.splat(shift);
  const c0 = constant(0), c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4);
  const c5 = constant(5), c6 = constant(6), c7 = constant(7), c8 = constant(8), c9 = constant(9);
  let total: f64 = 0;
  for (let from = 0; from < n; from += SPAN) {
    const to = min(n, from + SPAN);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let i = from;
    for (; i + 8 <= to; i += 8) {
      const p = x + ((<usize>i) << 2);
      s0 = f32x4.add(s0, exp4With(f32x4.sub(v128.load(p), m), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9));
      s1 = f32x4.add(s1, exp4With(f32x4.sub(v128.load(p, 16), m), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9));
    }
    for (; i < to; i += 4) {
      const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(to - i));
      s0 = f32x4.add(s0, v128.and(mask, exp4(f32x4.sub(v128.load(x + ((<usize>i) << 2)), m))));
    }
    total += <f64>laneSum(f32x4.add(s0, s1));
  }
  return total;
}

/** Per row of logits: loss = logsumexp - logits[target] (0 where target is -1), and the logsumexp. */
export function crossEntropy(
  logits: usize,
  targets: usize,
  losses: usize,
  logsumexp: usize,
  n: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const p = logits + ((<usize>row * <usize>n) << 2);
    const o = (<usize>row) << 2;
    const m = rowMax(p, n);
    const logSum = log(sumExp(p, n, m));
    store<f32>(logsumexp + o, <f32>(<f64>m + logSum));
    const target = load<i32>(targets + o);
    // the difference first: a small loss must not drown in a large logsumexp
    const loss = target < 0 ? 0.0 : <f64>m - <f64>load<f32>(p + ((<usize>target) << 2)) + logSum;
    store<f32>(losses + o, <f32>loss);
  }
}

/** dlogits = (exp(logits - logsumexp) - onehot(target)) * dloss; rows with target -1 are zero. */
export function crossEntropyGrad(
  logits: usize,
  targets: usize,
  logsumexp: usize,
  dlosses: usize,
  dlogits: usize,
  n: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>n) << 2;
  const c0 = constant(0), c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4);
  const c5 = constant(5), c6 = constant(6), c7 = constant(7), c8 = constant(8), c9 = constant(9);
  for (let row = begin; row < end; row++) {
    const p = logits + <usize>row * bytes;
    const q = dlogits + <usize>row * bytes;
    const target = load<i32>(targets + ((<usize>row) << 2));
    if (target < 0) {
      memory.fill(q, 0, bytes);
      continue;
    }
    const shift = f32x4.splat(load<f32>(logsumexp + ((<usize>row) << 2)));
    const scale = load<f32>(dlosses + ((<usize>row) << 2));
    const factor = f32x4.splat(scale);
    let i = 0;
    for (; i + 8 <= n; i += 8) {
      const o = (<usize>i) << 2;
      const a = exp4With(f32x4.sub(v128.load(p + o), shift), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
      const b = exp4With(f32x4.sub(v128.load(p + o, 16), shift), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
      v128.store(q + o, f32x4.mul(a, factor));
      v128.store(q + o, f32x4.mul(b, factor), 16);
    }
    for (; i < n; i += 4) {
      const o = (<usize>i) << 2;
      storeUpTo(q + o, f32x4.mul(exp4(f32x4.sub(v128.load(p + o), shift)), factor), n - i);
    }
    const at = q + ((<usize>target) << 2);
    store<f32>(at, load<f32>(at) - scale);
  }
}

/** exp(x - shift) in the place of x for one row, and their sum as in sumExp. */
// @ts-ignore: decorator
@inline
function expInPlace(x: usize, n: i32, shift: f32): f64 {
  const m = f32x4.splat(shift);
  const c0 = constant(0), c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4);
  const c5 = constant(5), c6 = constant(6), c7 = constant(7), c8 = constant(8), c9 = constant(9);
  let total: f64 = 0;
  for (let from = 0; from < n; from += SPAN) {
    const to = min(n, from + SPAN);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let i = from;
    for (; i + 8 <= to; i += 8) {
      const p = x + ((<usize>i) << 2);
      const a = exp4With(f32x4.sub(v128.load(p), m), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
      const b = exp4With(f32x4.sub(v128.load(p, 16), m), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
      v128.store(p, a);
      v128.store(p, b, 16);
      s0 = f32x4.add(s0, a);
      s1 = f32x4.add(s1, b);
    }
    for (; i < to; i += 4) {
      const p = x + ((<usize>i) << 2);
      const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(to - i));
      const a = v128.and(mask, exp4(f32x4.sub(v128.load(p), m)));
      storeUpTo(p, a, to - i);
      s0 = f32x4.add(s0, a);
    }
    total += <f64>laneSum(f32x4.add(s0, s1));
  }
  return total;
}

/** factor * exp(x - shift) * (1 - (x / cap)^2) in the place of x for one row. */
function cappedSlopes(x: usize, n: i32, shift: f32, factor: f32, cap: f32): void {
  const m = f32x4.splat(shift);
  const f = f32x4.splat(factor);
  const c = f32x4.splat(cap);
  for (let i = 0; i < n; i += 4) {
    const p = x + ((<usize>i) << 2);
    const y = v128.load(p);
    const slope = f32x4.mul(f32x4.mul(exp4(f32x4.sub(y, m)), f), softcapSlope4(y, c));
    storeUpTo(p, slope, n - i);
  }
}

/**
 * Losses as crossEntropy, and in the place of the logits the gradient of scale * loss: (softmax - onehot(target))
 * * scale, 0 where the target is -1. One exponential per element. With a cap (not 0) the logits are capped already, and
 * the gradient is that of what was capped, with two exponentials per element.
 */
export function crossEntropySlopes(
  logits: usize,
  targets: usize,
  losses: usize,
  n: i32,
  scale: f32,
  cap: f32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>n) << 2;
  for (let row = begin; row < end; row++) {
    const p = logits + <usize>row * bytes;
    const o = (<usize>row) << 2;
    const target = load<i32>(targets + o);
    if (target < 0) {
      memory.fill(p, 0, bytes);
      store<f32>(losses + o, 0);
      continue;
    }
    const at = p + ((<usize>target) << 2);
    const m = rowMax(p, n);
    const chosen = <f64>load<f32>(at);
    if (cap != 0) {
      const whole = sumExp(p, n, m);
      store<f32>(losses + o, <f32>(<f64>m - chosen + log(whole)));
      cappedSlopes(p, n, m, <f32>(<f64>scale / whole), cap);
      const t = <f32>chosen / cap;
      store<f32>(at, load<f32>(at) - scale * (1 - t * t));
      continue;
    }
    const sum = expInPlace(p, n, m);
    store<f32>(losses + o, <f32>(<f64>m - chosen + log(sum)));
    scaleRow(p, p, <f32>(<f64>scale / sum), n);
    store<f32>(at, load<f32>(at) - scale);
  }
}
