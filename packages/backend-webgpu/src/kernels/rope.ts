import { ShapeMismatchError } from '@moect/core';
import { inputsOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
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

function rope(call: WebgpuKernelCall): TensorInfo {
  const { backend, attrs } = call;
  const take = inputsOf('MoectRope', call);
  const x = take('x', 'float32', ['batch', 'time', 'heads', 'headDim']);
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  if (headDim % 2 !== 0) throw new ShapeMismatchError('MoectRope: x', x.shape, 'an even head size');
  const half = headDim / 2;
  const cosines = take('cos', 'float32', ['positions', half]);
  const sines = take('sin', 'float32', cosines.shape);
  const positions = take('positions', 'int32', [batch, time]);
  const y = output(backend, x.shape);
  const sign = attrs['inverse'] === true ? -1 : 1;
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
  registerWebgpuKernel('MoectRope', rope);
}
