import { dot, madd, storeLanes } from './math';

/** Elements per unit of both operations, also in src/fused/adam-w.ts: fixed, so that sums do not depend on who summed what. */
const SPAN: i32 = 8192;

// Both go through a list of tensors in one dispatch; a unit is one span of one tensor. Each tensor has a record whose
// first words are its number of elements and its first unit; records are in the order of units.

/** Record of the tensor that `unit` belongs to, from `record` on. */
// @ts-ignore: decorator
@inline
function recordOf(record: usize, end: usize, bytes: usize, unit: i32): usize {
  while (record + bytes < end && load<i32>(record + bytes, 4) <= unit) record += bytes;
  return record;
}

/** partial[unit] (float64) = sum of squares of one span. Records: elements, first unit, address. */
export function sumSquares(records: usize, count: i32, partial: usize, begin: i32, to: i32): void {
  const end = records + <usize>count * 12;
  let record = records;
  for (let unit = begin; unit < to; unit++) {
    record = recordOf(record, end, 12, unit);
    const from = (unit - load<i32>(record, 4)) * SPAN;
    const n = load<i32>(record);
    const sum = squares(<usize>load<u32>(record, 8), from, min(n, from + SPAN));
    store<f64>(partial + ((<usize>unit) << 3), sum);
  }
}

/** Squares are summed in float32 over this many elements (16 in a lane), then in float64. */
const RUN: i32 = 256;

function squares(x: usize, from: i32, to: i32): f64 {
  let total: f64 = 0;
  let i = from;
  for (; i + RUN <= to; i += RUN) total += <f64>dot(x + ((<usize>i) << 2), x + ((<usize>i) << 2), RUN);
  if (i < to) total += <f64>dot(x + ((<usize>i) << 2), x + ((<usize>i) << 2), to - i);
  return total;
}

/** Square root of the sum of n float64 values in order, rounded to float32 at `out`. */
export function rootOfSum(partial: usize, n: i32, out: usize): void {
  let s: f64 = 0;
  for (let i = 0; i < n; i++) s += load<f64>(partial + ((<usize>i) << 3));
  store<f32>(out, <f32>Math.sqrt(s));
}

/**
 * AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW) in place on spans begin..end. Records: elements, first unit,
 * addresses of parameter, gradient, first and second moment, decay = 1 - lr wd (float32).
 * constants: 7 float32: beta1, 1 - beta1, beta2, 1 - beta2, lr / (1 - beta1^step), 1 / sqrt(1 - beta2^step), eps.
 */
export function adamW(records: usize, count: i32, scale: usize, constants: usize, begin: i32, to: i32): void {
  const end = records + <usize>count * 28;
  let record = records;
  for (let unit = begin; unit < to; unit++) {
    record = recordOf(record, end, 28, unit);
    const from = (unit - load<i32>(record, 4)) * SPAN;
    adamWSpan(record, scale, constants, from, min(load<i32>(record), from + SPAN));
  }
}

function adamWSpan(record: usize, scale: usize, constants: usize, from: i32, to: i32): void {
  const param = <usize>load<u32>(record, 8);
  const grad = <usize>load<u32>(record, 12);
  const m = <usize>load<u32>(record, 16);
  const v = <usize>load<u32>(record, 20);
  const decay = v128.load32_splat(record, 24);
  const factor = v128.load32_splat(scale);
  const beta1 = v128.load32_splat(constants);
  const rest1 = v128.load32_splat(constants, 4);
  const beta2 = v128.load32_splat(constants, 8);
  const rest2 = v128.load32_splat(constants, 12);
  const rate = v128.load32_splat(constants, 16);
  const correction = v128.load32_splat(constants, 20);
  const eps = v128.load32_splat(constants, 24);
  for (let i = from; i < to; i += 4) {
    const o = (<usize>i) << 2;
    const g = f32x4.mul(v128.load(grad + o), factor);
    const vm = madd(rest1, g, f32x4.mul(beta1, v128.load(m + o)));
    const vv = madd(f32x4.mul(rest2, g), g, f32x4.mul(beta2, v128.load(v + o)));
    const step = f32x4.div(f32x4.mul(rate, vm), madd(f32x4.sqrt(vv), correction, eps));
    const p = f32x4.sub(f32x4.mul(v128.load(param + o), decay), step);
    if (i + 4 <= to) {
      v128.store(m + o, vm);
      v128.store(v + o, vv);
      v128.store(param + o, p);
    } else {
      storeLanes(m + o, vm, to - i);
      storeLanes(v + o, vv, to - i);
      storeLanes(param + o, p, to - i);
    }
  }
}
