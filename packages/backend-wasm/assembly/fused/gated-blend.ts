import { dot, madd, scaleRow, storeUpTo } from './math';

/** y = residual + (base + (1 - weight) (moe - base)), rows begin..end of length d. */
export function gatedBlend(
  residual: usize,
  base: usize,
  moe: usize,
  weight: usize,
  y: usize,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * bytes;
    const rest = f32x4.splat(1 - load<f32>(weight + ((<usize>row) << 2)));
    for (let i = 0; i < d; i += 4) {
      const o = at + ((<usize>i) << 2);
      const f = v128.load(base + o);
      const mixed = madd(rest, f32x4.sub(v128.load(moe + o), f), f);
      storeUpTo(y + o, f32x4.add(v128.load(residual + o), mixed), d - i);
    }
  }
}

/** dbase = weight dy, dmoe = (1 - weight) dy, dweight = dy . (base - moe); rows begin..end of length d. */
export function gatedBlendGrad(
  base: usize,
  moe: usize,
  weight: usize,
  dy: usize,
  dbase: usize,
  dmoe: usize,
  dweight: usize,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * bytes;
    const place = (<usize>row) << 2;
    // the difference lies where dmoe goes until it has been used
    for (let i = 0; i < d; i += 4) {
      const o = at + ((<usize>i) << 2);
      storeUpTo(dmoe + o, f32x4.sub(v128.load(base + o), v128.load(moe + o)), d - i);
    }
    store<f32>(dweight + place, dot(dmoe + at, dy + at, d));
    const share = load<f32>(weight + place);
    scaleRow(dbase + at, dy + at, share, d);
    scaleRow(dmoe + at, dy + at, 1 - share, d);
  }
}
