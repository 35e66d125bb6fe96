import { Rope } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program } from '../program.ts';
import { runRows } from './rows.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';

const ROPE: Program = {
  name: 'rope',
  reads: { x: 'f32', cosines: 'f32', sines: 'f32', positions: 'i32' },
  writes: { y: 'f32' },
  params: { pairs: 'i32', heads: 'i32', half: 'i32', sign: 'f32' },
  lanes: FLAT_LANES,
  body: eachElement(
    'p.pairs',
    `let j = i % p.half;
     let row = i / p.half;
     let angle = positions[row / p.heads] * p.half + j;
     let c = cosines[angle];
     let s = sines[angle] * p.sign;
     let first = row * 2 * p.half + j;
     let a = x[first];
     let b = x[first + p.half];
     y[first] = a * c - b * s;
     y[first + p.half] = b * c + a * s;`,
  ),
};

function rope({ backend, inputs, attrs, dims }: WebgpuCall<typeof Rope>): TensorInfo {
  const { x, cos: cosines, sin: sines, positions } = inputs;
  const { batch, time, heads, half } = dims;
  const y = output(backend, x.shape);
  const sign = attrs.inverse ? -1 : 1;
  const pairsOf = (tokens: number): number => tokens * heads * half;
  runRows(backend, {
    program: ROPE,
    rows: batch * time,
    tensors: { x, positions, y },
    shared: { cosines, sines },
    groups: (tokens) => flatGroups(pairsOf(tokens)),
    params: (tokens) => ({ pairs: pairsOf(tokens), heads, half, sign }),
  });
  return y;
}

/** Rotary position embedding (arXiv 2104.09864) on the two halves of each head; `inverse` is its gradient. */
export function registerRope(): void {
  implement(Rope, rope);
}
