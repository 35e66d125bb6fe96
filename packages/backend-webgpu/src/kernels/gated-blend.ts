import { GatedBlend, GatedBlendGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WebgpuCall } from '../kernel.ts';
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

function gatedBlend({ backend, inputs, dims, rows }: WebgpuCall<typeof GatedBlend>): TensorInfo {
  const { d } = dims;
  const y = output(backend, inputs.residual.shape);
  runRows(backend, {
    program: BLEND,
    rows,
    tensors: { ...inputs, y },
    groups: (count) => flatGroups(count * d),
    params: (count) => ({ size: count * d, d }),
  });
  return y;
}

function gatedBlendGrad({
  backend,
  inputs,
  dims,
  rows,
}: WebgpuCall<typeof GatedBlendGrad>): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { weight, dy } = inputs;
  const [dbase, dmoe] = [output(backend, dy.shape), output(backend, dy.shape)];
  const dweight = output(backend, weight.shape);
  const tensors = { ...inputs, dbase, dmoe, dweight };
  runRows(backend, { program: BLEND_GRAD, rows, tensors, params: { d: dims.d } });
  return [dbase, dmoe, dweight];
}

/** A gated sum of two branches beside a residual stream, and its gradient. */
export function registerGatedBlend(): void {
  implement(GatedBlend, gatedBlend);
  implement(GatedBlendGrad, gatedBlendGrad);
}
