import { inputsOf, lastSize, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program } from '../program.ts';
import { rowProgram } from './row-program.ts';
import { runRows } from './rows.ts';
import { eachElement, FLAT_LANES, flatGroups } from './snippets.ts';

const BLEND: Program = {
  name: 'gatedBlend',
  reads: { residual: 'f32', base: 'f32', moe: 'f32', weight: 'f32' },
  writes: { y: 'f32' },
  params: { size: 'i32', d: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement(
    'p.size',
    'y[i] = residual[i] + (base[i] + (1.0 - weight[i / p.d]) * (moe[i] - base[i]));',
  ),
};

const BLEND_GRAD = rowProgram({
  name: 'gatedBlendGrad',
  reads: { base: 'f32', moe: 'f32', weight: 'f32', dy: 'f32' },
  writes: { dbase: 'f32', dmoe: 'f32', dweight: 'f32' },
  params: { d: 'i32' },
  body: `
  let share = weight[group];
  var own = 0.0;
  for (var j = lane; j < p.d; j += LANES) {
    let at = group * p.d + j;
    let slope = dy[at];
    dbase[at] = share * slope;
    dmoe[at] = (1.0 - share) * slope;
    own += slope * (base[at] - moe[at]);
  }
  let sum = total(lane, own);
  if (lane == 0) { dweight[group] = sum; }`,
});

function gatedBlend(call: WebgpuKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectGatedBlend', call);
  const residual = take('residual', 'float32', ['…', 'd']);
  const { shape } = residual;
  const [base, moe] = [take('base', 'float32', shape), take('moe', 'float32', shape)];
  const weight = take('weight', 'float32', [...shape.slice(0, -1), 1]);
  const y = output(backend, shape);
  const d = lastSize(residual);
  runRows(backend, {
    program: BLEND,
    rows: sizeOf(weight.shape),
    tensors: { residual, base, moe, weight, y },
    groups: (count) => flatGroups(count * d),
    params: (count) => ({ size: count * d, d }),
  });
  return y;
}

function gatedBlendGrad(call: WebgpuKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectGatedBlendGrad', call);
  const dy = take('dy', 'float32', ['…', 'd']);
  const { shape } = dy;
  const weight = take('weight', 'float32', [...shape.slice(0, -1), 1]);
  const results = {
    dbase: output(backend, shape),
    dmoe: output(backend, shape),
    dweight: output(backend, weight.shape),
  };
  const inputs = { base: take('base', 'float32', shape), moe: take('moe', 'float32', shape), weight, dy };
  runRows(backend, {
    program: BLEND_GRAD,
    rows: sizeOf(weight.shape),
    tensors: { ...inputs, ...results },
    params: { d: lastSize(dy) },
  });
  return Object.values(results);
}

/** A gated sum of two branches beside a residual stream, and its gradient. */
export function registerGatedBlend(): void {
  registerWebgpuKernel('MoectGatedBlend', gatedBlend);
  registerWebgpuKernel('MoectGatedBlendGrad', gatedBlendGrad);
}
