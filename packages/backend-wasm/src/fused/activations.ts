import { Gelu, GeluGrad, Swiglu, SwigluGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';

/** Chunk borders at cache lines. */
const ALIGN = 16;
/** An exponential costs about as much as this many copied elements. */
const WORK = 8;

function swiglu({ backend, inputs, rows: n }: WasmCall<typeof Swiglu>): TensorInfo {
  const { gate, up } = inputs;
  const y = backend.output(gate.shape, 'float32');
  const args = [n, ALIGN, backend.pointer(gate), backend.pointer(up), y.pointer];
  backend.runtime.dispatch(OP.SWIGLU, args, backend.runtime.chunks(n, WORK));
  return y.info;
}

function swigluGrad({
  backend,
  inputs,
  rows: n,
}: WasmCall<typeof SwigluGrad>): readonly [TensorInfo, TensorInfo] {
  const { gate, up, dy } = inputs;
  const dgate = backend.output(gate.shape, 'float32');
  const dup = backend.output(gate.shape, 'float32');
  const pointers = [gate, up, dy].map((info) => backend.pointer(info));
  const args = [n, ALIGN, ...pointers, dgate.pointer, dup.pointer];
  backend.runtime.dispatch(OP.SWIGLU_GRAD, args, backend.runtime.chunks(n, WORK));
  return [dgate.info, dup.info];
}

const isExact = ({ approximate }: WasmCall<typeof Gelu>['attrs']): number => (approximate === 'none' ? 1 : 0);

function gelu({ backend, inputs: { x }, attrs, rows: n }: WasmCall<typeof Gelu>): TensorInfo {
  const y = backend.output(x.shape, 'float32');
  const args = [n, ALIGN, backend.pointer(x), y.pointer, isExact(attrs)];
  backend.runtime.dispatch(OP.GELU, args, backend.runtime.chunks(n, WORK));
  return y.info;
}

function geluGrad({ backend, inputs: { x, dy }, attrs, rows: n }: WasmCall<typeof GeluGrad>): TensorInfo {
  const dx = backend.output(x.shape, 'float32');
  const args = [n, ALIGN, backend.pointer(x), backend.pointer(dy), dx.pointer, isExact(attrs)];
  backend.runtime.dispatch(OP.GELU_GRAD, args, backend.runtime.chunks(n, WORK));
  return dx.info;
}

/** SwiGLU (arXiv 2002.05202) and GELU (arXiv 1606.08415) with their gradients. */
export function registerActivations(): void {
  implement(Swiglu, swiglu);
  implement(SwigluGrad, swigluGrad);
  implement(Gelu, gelu);
  implement(GeluGrad, geluGrad);
}
