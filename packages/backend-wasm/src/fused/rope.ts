import { Rope } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { checkRange } from './scratch.ts';

function rope({ backend, inputs, attrs, dims }: WasmCall<typeof Rope>): TensorInfo {
  const { x, cos, sin, positions } = inputs;
  const { batch, time, heads, headDim, tableRows } = dims;
  const at = backend.pointer(positions);
  checkRange(backend, `${Rope.name}: positions`, positions, 0, tableRows);
  const y = backend.output(x.shape, 'float32');
  const sign = floatBits(attrs.inverse ? -1 : 1);
  const pointers = [backend.pointer(x), backend.pointer(cos), backend.pointer(sin), at, y.pointer];
  const args = [batch * time, 1, ...pointers, heads, headDim, sign];
  backend.runtime.dispatch(OP.ROPE, args, backend.runtime.chunks(batch * time, heads * headDim));
  return y.info;
}

/** Rotary position embedding (arXiv 2104.09864) on the two halves of each head; `inverse` is its gradient. */
export function registerRope(): void {
  implement(Rope, rope);
}
