import {
  LayerNorm,
  LayerNormGrad,
  RmsNorm,
  RmsNormalizeSum,
  RmsNormalizeSumGrad,
  RmsNormGrad,
} from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { withTemporary } from './scratch.ts';

/** Row ranges whose sums are added in order: a fixed number, so that threads do not change the bits. */
const PARTS = 32;

function rmsNorm({ backend, inputs, attrs, dims: { d }, rows: count }: WasmCall<typeof RmsNorm>): TensorInfo {
  const { x, weight } = inputs;
  const y = backend.output(x.shape, 'float32');
  const rows = d === 0 ? 0 : count;
  const args = [rows, 1, backend.pointer(x), backend.pointer(weight), y.pointer, d, floatBits(attrs.eps)];
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

function rmsNormGrad(call: WasmCall<typeof RmsNormGrad>): readonly [TensorInfo, TensorInfo?] {
  const [dx, dweight] = gradient(call, OP.RMS_NORM_GRAD, call.attrs.withWeight ? 1 : 0);
  return dweight === undefined ? [dx!] : [dx!, dweight];
}

/** Gradient of both norms: dx, then `results` vectors [d]; with 0 results their sums are skipped. */
function gradient(call: WasmCall<typeof LayerNormGrad>, op: number, results: number): TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const { x, weight, dy } = inputs;
  const { d } = call.dims;
  const rows = d === 0 ? 0 : call.rows;
  const parts = Math.min(PARTS, rows);
  const dx = backend.output(x.shape, 'float32');
  const sums = Array.from({ length: results }, () => backend.output([d], 'float32'));
  const eps = floatBits(attrs.eps);
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

function layerNorm({
  backend,
  inputs,
  attrs,
  dims: { d },
  rows: count,
}: WasmCall<typeof LayerNorm>): TensorInfo {
  const { x, weight, bias } = inputs;
  const y = backend.output(x.shape, 'float32');
  const rows = d === 0 ? 0 : count;
  const pointers = [backend.pointer(x), backend.pointer(weight), backend.pointer(bias), y.pointer];
  backend.runtime.dispatch(
    OP.LAYER_NORM,
    [rows, 1, ...pointers, d, floatBits(attrs.eps)],
    backend.runtime.chunks(rows, d),
  );
  return y.info;
}

function layerNormGrad(call: WasmCall<typeof LayerNormGrad>): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const [dx, dweight, dbias] = gradient(call, OP.LAYER_NORM_GRAD, 2);
  return [dx!, dweight!, dbias!];
}

function rmsNormalizeSum(call: WasmCall<typeof RmsNormalizeSum>): TensorInfo {
  const { backend, attrs } = call;
  const { a, b } = call.inputs;
  const { d } = call.dims;
  const rows = d === 0 ? 0 : call.rows;
  const y = backend.output(a.shape, 'float32');
  const pointers = [backend.pointer(a), backend.pointer(b), y.pointer];
  const args = [rows, 1, ...pointers, d, floatBits(attrs.eps)];
  backend.runtime.dispatch(OP.RMS_NORMALIZE_SUM, args, backend.runtime.chunks(rows, d));
  return y.info;
}

function rmsNormalizeSumGrad(call: WasmCall<typeof RmsNormalizeSumGrad>): TensorInfo {
  const { backend, attrs } = call;
  const { a, b, dy } = call.inputs;
  const { d } = call.dims;
  const rows = d === 0 ? 0 : call.rows;
  const dx = backend.output(a.shape, 'float32');
  const pointers = [...[a, b, dy].map((info) => backend.pointer(info)), dx.pointer];
  const args = [rows, 1, ...pointers, d, floatBits(attrs.eps)];
  backend.runtime.dispatch(OP.RMS_NORMALIZE_SUM_GRAD, args, backend.runtime.chunks(rows, 2 * d));
  return dx.info;
}

/** RMSNorm (arXiv 1910.07467) and layer normalisation (arXiv 1607.06450) with their gradients. */
export function registerNorms(): void {
  implement(RmsNorm, rmsNorm);
  implement(RmsNormGrad, rmsNormGrad);
  implement(RmsNormalizeSum, rmsNormalizeSum);
  implement(RmsNormalizeSumGrad, rmsNormalizeSumGrad);
  implement(LayerNorm, layerNorm);
  implement(LayerNormGrad, layerNormGrad);
}
