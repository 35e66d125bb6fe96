import { inputsOf, lastSize, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';

function gatedBlend(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectGatedBlend', call);
  const residual = take('residual', 'float32', ['…', 'd']);
  const { shape } = residual;
  const [base, moe] = [take('base', 'float32', shape), take('moe', 'float32', shape)];
  const weight = take('weight', 'float32', [...shape.slice(0, -1), 1]);
  const y = backend.output(shape, 'float32');
  const [rows, d] = [sizeOf(weight.shape), lastSize(residual)];
  const pointers = [residual, base, moe, weight].map((info) => backend.pointer(info));
  const args = [rows, 1, ...pointers, y.pointer, d];
  backend.runtime.dispatch(OP.GATED_BLEND, args, backend.runtime.chunks(rows, d));
  return y.info;
}

function gatedBlendGrad(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectGatedBlendGrad', call);
  const dy = take('dy', 'float32', ['…', 'd']);
  const { shape } = dy;
  const [base, moe] = [take('base', 'float32', shape), take('moe', 'float32', shape)];
  const weight = take('weight', 'float32', [...shape.slice(0, -1), 1]);
  const outputs = [shape, shape, weight.shape].map((of) => backend.output(of, 'float32'));
  const [rows, d] = [sizeOf(weight.shape), lastSize(dy)];
  const pointers = [base, moe, weight, dy].map((info) => backend.pointer(info));
  const args = [rows, 1, ...pointers, ...outputs.map(({ pointer }) => pointer), d];
  backend.runtime.dispatch(OP.GATED_BLEND_GRAD, args, backend.runtime.chunks(rows, 3 * d));
  return outputs.map(({ info }) => info);
}

/** A gated sum of two branches beside a residual stream, and its gradient. */
export function registerGatedBlend(): void {
  registerWasmKernel('MoectGatedBlend', gatedBlend);
  registerWasmKernel('MoectGatedBlendGrad', gatedBlendGrad);
}
