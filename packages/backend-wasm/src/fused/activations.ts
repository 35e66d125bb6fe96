import { inputsOf, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';

/** Chunk borders at cache lines. */
const ALIGN = 16;
/** An exponential costs about as much as this many copied elements. */
const WORK = 8;

function swiglu(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectSwiglu', call);
  const gate = take('gate', 'float32', ['…']);
  const up = take('up', 'float32', gate.shape);
  const y = backend.output(gate.shape, 'float32');
  const n = sizeOf(gate.shape);
  const args = [n, ALIGN, backend.pointer(gate), backend.pointer(up), y.pointer];
  backend.runtime.dispatch(OP.SWIGLU, args, backend.runtime.chunks(n, WORK));
  return y.info;
}

function swigluGrad(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectSwigluGrad', call);
  const gate = take('gate', 'float32', ['…']);
  const up = take('up', 'float32', gate.shape);
  const dy = take('dy', 'float32', gate.shape);
  const dgate = backend.output(gate.shape, 'float32');
  const dup = backend.output(gate.shape, 'float32');
  const n = sizeOf(gate.shape);
  const pointers = [gate, up, dy].map((info) => backend.pointer(info));
  const args = [n, ALIGN, ...pointers, dgate.pointer, dup.pointer];
  backend.runtime.dispatch(OP.SWIGLU_GRAD, args, backend.runtime.chunks(n, WORK));
  return [dgate.info, dup.info];
}

function isExact({ attrs }: WasmKernelCall): number {
  const { approximate } = attrs;
  if (approximate === 'none') return 1;
  if (approximate === 'tanh') return 0;
  throw new TypeError(`MoectGelu: approximate must be 'tanh' or 'none', not ${String(approximate)}.`);
}

function gelu(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const x = inputsOf('MoectGelu', call)('x', 'float32', ['…']);
  const exact = isExact(call);
  const y = backend.output(x.shape, 'float32');
  const n = sizeOf(x.shape);
  const args = [n, ALIGN, backend.pointer(x), y.pointer, exact];
  backend.runtime.dispatch(OP.GELU, args, backend.runtime.chunks(n, WORK));
  return y.info;
}

function geluGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectGeluGrad', call);
  const x = take('x', 'float32', ['…']);
  const dy = take('dy', 'float32', x.shape);
  const exact = isExact(call);
  const dx = backend.output(x.shape, 'float32');
  const n = sizeOf(x.shape);
  const args = [n, ALIGN, backend.pointer(x), backend.pointer(dy), dx.pointer, exact];
  backend.runtime.dispatch(OP.GELU_GRAD, args, backend.runtime.chunks(n, WORK));
  return dx.info;
}

/** SwiGLU (arXiv 2002.05202) and GELU (arXiv 1606.08415) with their gradients. */
export function registerActivations(): void {
  registerWasmKernel('MoectSwiglu', swiglu);
  registerWasmKernel('MoectSwigluGrad', swigluGrad);
  registerWasmKernel('MoectGelu', gelu);
  registerWasmKernel('MoectGeluGrad', geluGrad);
}
