import { exp4 } from '../functions';
import { log } from './math';

// @ts-ignore: decorator
@inline
function exp(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

// @ts-ignore: decorator
@inline
function at(base: usize, i: i32): usize {
  return base + ((<usize>i) << 2);
}

// @ts-ignore: decorator
@inline
function largest(x: usize, n: i32): f32 {
  let top = load<f32>(x);
  for (let i = 1; i < n; i++) top = max(top, load<f32>(at(x, i)));
  return top;
}

/** Value of a row: sum of counts times probabilities, or without counts the squared logarithm of the sum. */
// @ts-ignore: decorator
@inline
function valueOf(x: usize, counts: usize, n: i32, top: f32): f64 {
  let all: f64 = 0;
  let weighted: f64 = 0;
  for (let i = 0; i < n; i++) {
    const share = <f64>exp(load<f32>(at(x, i)) - top);
    all += share;
    if (counts != 0) weighted += share * <f64>load<f32>(at(counts, i));
  }
  if (counts != 0) return weighted / all;
  const logSumExp = <f64>top + log(all);
  return logSumExp * logSumExp;
}

/** partial[part] = sums over its rows of mask times value, and of mask, in float64. */
export function routerLoss(
  logits: usize,
  mask: usize,
  counts: usize,
  partial: usize,
  rows: i32,
  n: i32,
  span: i32,
  begin: i32,
  end: i32,
): void {
  for (let part = begin; part < end; part++) {
    let sum: f64 = 0;
    let tokens: f64 = 0;
    const last = min(rows, (part + 1) * span);
    for (let row = part * span; row < last; row++) {
      const x = at(logits, row * n);
      const shown = <f64>load<f32>(at(mask, row));
      tokens += shown;
      sum += shown * valueOf(x, counts, n, largest(x, n));
    }
    store<f64>(partial + ((<usize>part) << 4), sum);
    store<f64>(partial + ((<usize>part) << 4), tokens, 8);
  }
}

/** The loss, and the factor before the sum: 1 / tokens, with counts times n / assignments. */
export function routerLossSum(
  partial: usize,
  parts: i32,
  counts: usize,
  n: i32,
  y: usize,
  factor: usize,
): void {
  let sum: f64 = 0;
  let tokens: f64 = 0;
  for (let part = 0; part < parts; part++) {
    sum += load<f64>(partial + ((<usize>part) << 4));
    tokens += load<f64>(partial + ((<usize>part) << 4), 8);
  }
  let scale: f64 = 1.0 / tokens;
  if (counts != 0) {
    let assignments: f64 = 0;
    for (let i = 0; i < n; i++) assignments += <f64>load<f32>(at(counts, i));
    scale *= <f64>n / assignments;
  }
  store<f32>(y, <f32>(sum * scale));
  store<f32>(factor, <f32>scale);
}

/** dlogits of the loss; rows begin..end. */
export function routerLossGrad(
  logits: usize,
  mask: usize,
  counts: usize,
  factor: usize,
  dloss: usize,
  dlogits: usize,
  n: i32,
  begin: i32,
  end: i32,
): void {
  const slope = <f64>load<f32>(dloss) * <f64>load<f32>(factor);
  for (let row = begin; row < end; row++) {
    const x = at(logits, row * n);
    const dx = at(dlogits, row * n);
    const top = largest(x, n);
    const value = valueOf(x, counts, n, top);
    const scale = slope * <f64>load<f32>(at(mask, row));
    let all: f64 = 0;
    for (let i = 0; i < n; i++) all += <f64>exp(load<f32>(at(x, i)) - top);
    const logSumExp = <f64>top + log(all);
    for (let i = 0; i < n; i++) {
      const share = <f64>exp(load<f32>(at(x, i)) - top) / all;
      const along = counts != 0 ? <f64>load<f32>(at(counts, i)) - value : 2 * logSumExp;
      store<f32>(at(dx, i), <f32>(scale * share * along));
    }
  }
}
