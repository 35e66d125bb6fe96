import { GatedBlend, GatedBlendGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';

function gatedBlend({ backend, inputs, dims, rows }: WasmCall<typeof GatedBlend>): TensorInfo {
  const { residual, base, moe, weight } = inputs;
  const { d } = dims;
  const y = backend.output(residual.shape, 'float32');
  const pointers = [residual, base, moe, weight].map((info) => backend.pointer(info));
  const args = [rows, 1, ...pointers, y.pointer, d];
  backend.runtime.dispatch(OP.GATED_BLEND, args, backend.runtime.chunks(rows, d));
  return y.info;
}

function gatedBlendGrad({
  backend,
  inputs,
  dims,
  rows,
}: WasmCall<typeof GatedBlendGrad>): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { base, moe, weight, dy } = inputs;
  const { d } = dims;
  const [dbase, dmoe] = [backend.output(dy.shape, 'float32'), backend.output(dy.shape, 'float32')];
  const dweight = backend.output(weight.shape, 'float32');
  const pointers = [base, moe, weight, dy].map((info) => backend.pointer(info));
  const args = [rows, 1, ...pointers, dbase.pointer, dmoe.pointer, dweight.pointer, d];
  backend.runtime.dispatch(OP.GATED_BLEND_GRAD, args, backend.runtime.chunks(rows, 3 * d));
  return [dbase.info, dmoe.info, dweight.info];
}

/** A gated sum of two branches beside a residual stream, and its gradient. */
export function registerGatedBlend(): void {
  implement(GatedBlend, gatedBlend);
  implement(GatedBlendGrad, gatedBlendGrad);
}
