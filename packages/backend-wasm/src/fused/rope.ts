import { ShapeMismatchError } from '@moect/core';
import { inputsOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { checkRange } from './scratch.ts';

function rope(call: WasmKernelCall): TensorInfo {
  const { backend, attrs } = call;
  const take = inputsOf('MoectRope', call);
  const x = take('x', 'float32', ['batch', 'time', 'heads', 'headDim']);
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  if (headDim % 2 !== 0) throw new ShapeMismatchError('MoectRope: x', x.shape, 'an even head size');
  const cos = take('cos', 'float32', ['positions', headDim / 2]);
  const sin = take('sin', 'float32', cos.shape);
  const positions = take('positions', 'int32', [batch, time]);
  const at = backend.pointer(positions);
  checkRange(backend, 'MoectRope: positions', positions, 0, cos.shape[0]!);
  const y = backend.output(x.shape, 'float32');
  const sign = floatBits(attrs['inverse'] === true ? -1 : 1);
  const pointers = [backend.pointer(x), backend.pointer(cos), backend.pointer(sin), at, y.pointer];
  const args = [batch * time, 1, ...pointers, heads, headDim, sign];
  backend.runtime.dispatch(OP.ROPE, args, backend.runtime.chunks(batch * time, heads * headDim));
  return y.info;
}

/** Rotary position embedding (arXiv 2104.09864) on the two halves of each head; `inverse` is its gradient. */
export function registerRope(): void {
  registerWasmKernel('MoectRope', rope);
}
