import { tanh4 } from '../functions';
import { storeUpTo } from './math';

/** cap * tanh(x / cap) in all lanes. */
// @ts-ignore: decorator
@inline
export function softcap4(x: v128, cap: v128): v128 {
  return f32x4.mul(cap, tanh4(f32x4.div(x, cap)));
}

/** Slope of the cap where it gave y: 1 - (y / cap)^2. */
// @ts-ignore: decorator
@inline
export function softcapSlope4(y: v128, cap: v128): v128 {
  const t = f32x4.div(y, cap);
  return f32x4.sub(f32x4.splat(1), f32x4.mul(t, t));
}

/** cap * tanh(x / cap) in the place of x, rows begin..end of length n. */
export function softcapRows(x: usize, n: i32, cap: f32, begin: i32, end: i32): void {
  const c = f32x4.splat(cap);
  for (let row = begin; row < end; row++) {
    const p = x + ((<usize>row * <usize>n) << 2);
    for (let i = 0; i < n; i += 4) {
      const at = p + ((<usize>i) << 2);
      storeUpTo(at, softcap4(v128.load(at), c), n - i);
    }
  }
}
