import { inputsOf, lastSize, numberAttr, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { withTemporary } from './scratch.ts';

/** Row ranges whose sums are added in order: a fixed number, so that threads do not change the bits. */
const PARTS = 32;

function rmsNorm(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectRmsNorm', call);
  const x = take('x', 'float32', ['…', 'd']);
  const d = lastSize(x);
  const weight = take('weight', 'float32', [d]);
  const y = backend.output(x.shape, 'float32');
  const rows = d === 0 ? 0 : sizeOf(x.shape) / d;
  const eps = floatBits(numberAttr(call, 'eps'));
  const args = [rows, 1, backend.pointer(x), backend.pointer(weight), y.pointer, d, eps];
  backend.runtime.dispatch(OP.RMS_NORM, args, backend.runtime.chunks(rows, d));
  return y.info;
}

/** Sums `parts` rows of `pitch` floats, `columns` of them, in order. */
export function sumParts(
  backend: MoectWasmBackend,
  partial: number,
  out: number,
  columns: number,
  parts: number,
  pitch: number,
): void {
  const args = [columns, 4, partial, out, parts, pitch];
  backend.runtime.dispatch(OP.SUM_PARTS, args, backend.runtime.chunks(columns, parts));
}

function rmsNormGrad(call: WasmKernelCall): TensorInfo[] {
  const take = inputsOf('MoectRmsNormGrad', call);
  const x = take('x', 'float32', ['…', 'd']);
  const d = lastSize(x);
  const weight = take('weight', 'float32', [d]);
  const dy = take('dy', 'float32', x.shape);
  return gradient(call, OP.RMS_NORM_GRAD, x, weight, dy, call.attrs['withWeight'] === false ? 0 : 1);
}

/** Shared by both norms: dx, then `results` vectors [d]; without any, the sums for them are not added up. */
function gradient(
  call: WasmKernelCall,
  op: number,
  x: TensorInfo,
  weight: TensorInfo,
  dy: TensorInfo,
  results: number,
): TensorInfo[] {
  const { backend } = call;
  const d = lastSize(x);
  const rows = d === 0 ? 0 : sizeOf(x.shape) / d;
  const parts = Math.min(PARTS, rows);
  const dx = backend.output(x.shape, 'float32');
  const sums = Array.from({ length: results }, () => backend.output([d], 'float32'));
  const eps = floatBits(numberAttr(call, 'eps'));
  const { runtime } = backend;
  withTemporary(backend, parts * Math.max(1, results) * d * 4, (partial) => {
    const pointers = [backend.pointer(x), backend.pointer(weight), backend.pointer(dy), dx.pointer, partial];
    runtime.dispatch(op, [parts, 1, ...pointers, rows, d, eps], runtime.chunks(parts, (rows / parts) * d));
    sums.forEach((sum, i) => {
      sumParts(backend, partial + i * d * 4, sum.pointer, d, parts, results * d);
    });
  });
  return [dx.info, ...sums.map((sum) => sum.info)];
}

function layerNorm(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectLayerNorm', call);
  const x = take('x', 'float32', ['…', 'd']);
  const d = lastSize(x);
  const weight = take('weight', 'float32', [d]);
  const bias = take('bias', 'float32', [d]);
  const y = backend.output(x.shape, 'float32');
  const rows = d === 0 ? 0 : sizeOf(x.shape) / d;
  const pointers = [backend.pointer(x), backend.pointer(weight), backend.pointer(bias), y.pointer];
  const args = [rows, 1, ...pointers, d, floatBits(numberAttr(call, 'eps'))];
  backend.runtime.dispatch(OP.LAYER_NORM, args, backend.runtime.chunks(rows, d));
  return y.info;
}

function layerNormGrad(call: WasmKernelCall): TensorInfo[] {
  const take = inputsOf('MoectLayerNormGrad', call);
  const x = take('x', 'float32', ['…', 'd']);
  const weight = take('weight', 'float32', [lastSize(x)]);
  const dy = take('dy', 'float32', x.shape);
  return gradient(call, OP.LAYER_NORM_GRAD, x, weight, dy, 2);
}

function rmsNormalizeSum(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectRmsNormalizeSum', call);
  const a = take('a', 'float32', ['…', 'd']);
  const b = take('b', 'float32', a.shape);
  const d = lastSize(a);
  const rows = d === 0 ? 0 : sizeOf(a.shape) / d;
  const y = backend.output(a.shape, 'float32');
  const pointers = [backend.pointer(a), backend.pointer(b), y.pointer];
  const args = [rows, 1, ...pointers, d, floatBits(numberAttr(call, 'eps'))];
  backend.runtime.dispatch(OP.RMS_NORMALIZE_SUM, args, backend.runtime.chunks(rows, d));
  return y.info;
}

function rmsNormalizeSumGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectRmsNormalizeSumGrad', call);
  const a = take('a', 'float32', ['…', 'd']);
  const [b, dy] = [take('b', 'float32', a.shape), take('dy', 'float32', a.shape)];
  const d = lastSize(a);
  const rows = d === 0 ? 0 : sizeOf(a.shape) / d;
  const dx = backend.output(a.shape, 'float32');
  const pointers = [...[a, b, dy].map((info) => backend.pointer(info)), dx.pointer];
  const args = [rows, 1, ...pointers, d, floatBits(numberAttr(call, 'eps'))];
  backend.runtime.dispatch(OP.RMS_NORMALIZE_SUM_GRAD, args, backend.runtime.chunks(rows, 2 * d));
  return dx.info;
}

/** RMSNorm (arXiv 1910.07467) and layer normalisation (arXiv 1607.06450) with their gradients. */
export function registerNorms(): void {
  registerWasmKernel('MoectRmsNorm', rmsNorm);
  registerWasmKernel('MoectRmsNormGrad', rmsNormGrad);
  registerWasmKernel('MoectRmsNormalizeSum', rmsNormalizeSum);
  registerWasmKernel('MoectRmsNormalizeSumGrad', rmsNormalizeSumGrad);
  registerWasmKernel('MoectLayerNorm', layerNorm);
  registerWasmKernel('MoectLayerNormGrad', layerNormGrad);
}
