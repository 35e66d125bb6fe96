import { inputsOf, lastSize, sizeOf, type TakeInput } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import {
  isEmptyProduct,
  operandB,
  type ProductSizes,
  packedBytes,
  packOperandB,
  productDense,
  productPacked,
} from '../kernels/mat-mul.ts';
import { withTemporary } from './scratch.ts';

interface Operands {
  readonly x: TensorInfo;
  readonly w: TensorInfo;
  readonly sizes: ProductSizes;
  readonly outShape: readonly number[];
}

/** x [..., k] and w [n, k], or [k, n] with transposeW. */
function operandsOf(call: WasmKernelCall, take: TakeInput): Operands {
  const transposeW = call.attrs['transposeW'] === true;
  const w = take('w', 'float32', ['out', 'in']);
  const [outSize, inSize] = w.shape as [number, number];
  const [k, n] = transposeW ? [outSize, inSize] : [inSize, outSize];
  const x = take('x', 'float32', ['…', k]);
  const outShape = [...x.shape.slice(0, -1), n];
  const m = sizeOf(x.shape.slice(0, -1));
  return { x, w, sizes: { m, n, k, transposeA: false, transposeB: !transposeW }, outShape };
}

function linear(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const { x, w, sizes, outShape } = operandsOf(call, inputsOf('MoectLinear', call));
  const y = backend.output(outShape, 'float32');
  if (isEmptyProduct(backend, y.pointer, sizes.m * sizes.n, sizes.k)) return y.info;
  productDense(backend, backend.pointer(x), operandB(backend, w), y.pointer, sizes);
  return y.info;
}

/** Adds the product to `total` in place: nothing else may share its values. */
function linearInto(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectLinearInto', call);
  const { x, w, sizes, outShape } = operandsOf(call, take);
  const total = take('total', 'float32', outShape);
  if (sizes.m * sizes.n * sizes.k === 0) return [];
  const bytes = packedBytes(sizes.k, sizes.n);
  withTemporary(backend, bytes, (packed) => {
    packOperandB(backend, operandB(backend, w), packed, sizes);
    productPacked(backend, backend.pointer(x), packed, backend.pointer(total), sizes, true);
  });
  return [];
}

/** Sum over all rows of dy[r]ᵀ · x[r]. */
function linearGradWeight(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectLinearGradWeight', call);
  const x = take('x', 'float32', ['…', 'in']);
  const n = lastSize(x);
  const dy = take('dy', 'float32', [...x.shape.slice(0, -1), 'out']);
  const m = lastSize(dy);
  const k = sizeOf(x.shape.slice(0, -1));
  const dw = backend.output([m, n], 'float32');
  if (isEmptyProduct(backend, dw.pointer, m * n, k)) return dw.info;
  const sizes = { m, n, k, transposeA: true, transposeB: false };
  productDense(backend, backend.pointer(dy), backend.pointer(x), dw.pointer, sizes);
  return dw.info;
}

/** A linear layer's product on rows of any leading dimensions, and its gradients. */
export function registerLinear(): void {
  registerWasmKernel('MoectLinear', linear);
  registerWasmKernel('MoectLinearInto', linearInto);
  registerWasmKernel('MoectLinearGradWeight', linearGradWeight);
}
