import { loadLanes, madd, storeLanes } from './math';

/** Elements per partial sum: fixed, so that the total does not depend on who summed what. */
export const SQUARES_SPAN: i32 = 8192;

/** partial[i] (float64) = sum of squares of span i of n elements, spans begin..end. */
export function sumSquares(x: usize, partial: usize, n: i32, begin: i32, end: i32): void {
  for (let span = begin; span < end; span++) {
    const to = <i32>min<i64>(n, (<i64>span + 1) * SQUARES_SPAN);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    for (let i = span * SQUARES_SPAN; i < to; i += 4) {
      const v = loadLanes(x + ((<usize>i) << 2), to - i);
      const low = f64x2.promote_low_f32x4(v);
      const high = f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3));
      s0 = f64x2.add(s0, f64x2.mul(low, low));
      s1 = f64x2.add(s1, f64x2.mul(high, high));
    }
    const s = f64x2.add(s0, s1);
    store<f64>(partial + ((<usize>span) << 3), f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1));
  }
}

/** Sum of n float64 values in order, rounded to float32 at `out`. */
export function sumDoubles(partial: usize, n: i32, out: usize): void {
  let s: f64 = 0;
  for (let i = 0; i < n; i++) s += load<f64>(partial + ((<usize>i) << 3));
  store<f32>(out, <f32>s);
}

/**
 * AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW) in place on elements begin..end.
 * constants: 8 float32: decay = 1 - lr wd, beta1, 1 - beta1, beta2, 1 - beta2,
 * lr / (1 - beta1^step), 1 / sqrt(1 - beta2^step), eps.
 */
export function adamW(
  param: usize,
  grad: usize,
  m: usize,
  v: usize,
  scale: usize,
  constants: usize,
  begin: i32,
  end: i32,
): void {
  const factor = v128.load32_splat(scale);
  const decay = v128.load32_splat(constants);
  const beta1 = v128.load32_splat(constants, 4);
  const rest1 = v128.load32_splat(constants, 8);
  const beta2 = v128.load32_splat(constants, 12);
  const rest2 = v128.load32_splat(constants, 16);
  const rate = v128.load32_splat(constants, 20);
  const correction = v128.load32_splat(constants, 24);
  const eps = v128.load32_splat(constants, 28);
  for (let i = begin; i < end; i += 4) {
    const o = (<usize>i) << 2;
    const g = f32x4.mul(v128.load(grad + o), factor);
    const vm = madd(rest1, g, f32x4.mul(beta1, v128.load(m + o)));
    const vv = madd(f32x4.mul(rest2, g), g, f32x4.mul(beta2, v128.load(v + o)));
    const step = f32x4.div(f32x4.mul(rate, vm), madd(f32x4.sqrt(vv), correction, eps));
    const p = f32x4.sub(f32x4.mul(v128.load(param + o), decay), step);
    if (i + 4 <= end) {
      v128.store(m + o, vm);
      v128.store(v + o, vv);
      v128.store(param + o, p);
    } else {
      storeLanes(m + o, vm, end - i);
      storeLanes(v + o, vv, end - i);
      storeLanes(param + o, p, end - i);
    }
  }
}
