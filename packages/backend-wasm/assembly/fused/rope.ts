import { madd, nmadd, storeLanes } from './math';

/**
 * Rotates the two halves of each head (Hugging Face's rotate-half), rows begin..end of [B*T].
 * `sign` is 1, or -1 for the inverse rotation.
 */
export function rope(
  x: usize,
  cos: usize,
  sin: usize,
  positions: usize,
  y: usize,
  heads: i32,
  headSize: i32,
  sign: f32,
  begin: i32,
  end: i32,
): void {
  const half = headSize >> 1;
  const halfBytes = (<usize>half) << 2;
  const direction = f32x4.splat(sign);
  for (let row = begin; row < end; row++) {
    const at = <usize>load<i32>(positions + ((<usize>row) << 2)) * halfBytes;
    const first = <usize>row * <usize>heads * 2 * halfBytes;
    for (let head = 0; head < heads; head++) {
      const p = x + first + <usize>head * 2 * halfBytes;
      const q = y + first + <usize>head * 2 * halfBytes;
      for (let i = 0; i < half; i += 4) {
        const o = (<usize>i) << 2;
        const c = v128.load(cos + at + o);
        const s = f32x4.mul(v128.load(sin + at + o), direction);
        const a = v128.load(p + o);
        const b = v128.load(p + o + halfBytes);
        const ya = nmadd(b, s, f32x4.mul(a, c));
        const yb = madd(a, s, f32x4.mul(b, c));
        if (i + 4 <= half) {
          v128.store(q + o, ya);
          v128.store(q + o + halfBytes, yb);
        } else {
          storeLanes(q + o, ya, half - i);
          storeLanes(q + o + halfBytes, yb, half - i);
        }
      }
    }
  }
}
