import { Linear, LinearGradWeight, LinearInto, type ReadCall } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { implement, type WasmCall } from '../kernel.ts';
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

function sizesOf({ attrs, dims, rows }: ReadCall<typeof Linear>): ProductSizes {
  return { m: rows, n: dims.n, k: dims.k, transposeA: false, transposeB: !attrs.transposeW };
}

function linear(call: WasmCall<typeof Linear>): TensorInfo {
  const { backend } = call;
  const { x, w } = call.inputs;
  const sizes = sizesOf(call);
  const y = backend.output([...x.shape.slice(0, -1), sizes.n], 'float32');
  if (isEmptyProduct(backend, y.pointer, sizes.m * sizes.n, sizes.k)) return y.info;
  productDense(backend, backend.pointer(x), operandB(backend, w), y.pointer, sizes);
  return y.info;
}

/** Adds the product to `total` in place: nothing else may share its values. */
function linearInto(call: WasmCall<typeof LinearInto>): readonly [] {
  const { backend } = call;
  const { x, w, total } = call.inputs;
  const sizes = sizesOf(call);
  if (sizes.m * sizes.n * sizes.k === 0) return [];
  const bytes = packedBytes(sizes.k, sizes.n);
  withTemporary(backend, bytes, (packed) => {
    packOperandB(backend, operandB(backend, w), packed, sizes);
    productPacked(backend, backend.pointer(x), packed, backend.pointer(total), sizes, true);
  });
  return [];
}

/** Sum over all rows of dy[r]ᵀ · x[r]. */
function linearGradWeight({ backend, inputs, dims, rows }: WasmCall<typeof LinearGradWeight>): TensorInfo {
  const { x, dy } = inputs;
  const { out: m, in: n } = dims;
  const dw = backend.output([m, n], 'float32');
  if (isEmptyProduct(backend, dw.pointer, m * n, rows)) return dw.info;
  const sizes = { m, n, k: rows, transposeA: true, transposeB: false };
  productDense(backend, backend.pointer(dy), backend.pointer(x), dw.pointer, sizes);
  return dw.info;
}

/** A linear layer's product on rows of any leading dimensions, and its gradients. */
export function registerLinear(): void {
  implement(Linear, linear);
  implement(LinearInto, linearInto);
  implement(LinearGradWeight, linearGradWeight);
}
