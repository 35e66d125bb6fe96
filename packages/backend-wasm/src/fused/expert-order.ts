import { ShapeMismatchError } from '@moect/core';
import { inputsOf, numberAttr } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { between, permutationOf, risingTo } from '../index-facts.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { checkPermutation, checkRange, sortKeys } from './scratch.ts';

function topK(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const scores = inputsOf('MoectTopK', call)('scores', 'float32', ['rows', 'n']);
  const [rows, n] = scores.shape as [number, number];
  const k = numberAttr(call, 'k');
  if (!Number.isInteger(k) || k < 1 || k > n) {
    throw new ShapeMismatchError(
      'MoectTopK: scores',
      scores.shape,
      `at least k = ${k} columns, and k at least 1`,
    );
  }
  const values = backend.output([rows, k], 'float32');
  const indices = backend.output([rows, k], 'int32', between(0, n - 1));
  const args = [rows, 1, backend.pointer(scores), values.pointer, indices.pointer, n, k];
  backend.runtime.dispatch(OP.TOP_K, args, backend.runtime.chunks(rows, n + k * k));
  return [values.info, indices.info];
}

function sortByExpert(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const keys = inputsOf('MoectSortByExpert', call)('expertIndices', 'int32', ['tokens', 'topK']);
  const numExperts = numberAttr(call, 'numExperts');
  const topK = keys.shape[1]!;
  const n = keys.shape[0]! * topK;
  const at = backend.pointer(keys);
  checkRange(backend, 'MoectSortByExpert: expertIndices', keys, 0, numExperts);
  const order = backend.output([n], 'int32', permutationOf(n));
  const inverse = backend.output([n], 'int32', permutationOf(n));
  const offsets = backend.output([numExperts + 1], 'int32', risingTo(n));
  const tokens = backend.output([n], 'int32', between(0, keys.shape[0]! - 1));
  sortKeys(backend, at, n, numExperts, order.pointer, offsets.pointer);
  const args = [order.pointer, inverse.pointer, tokens.pointer, n, topK];
  backend.runtime.dispatch(OP.INVERT_ORDER, args);
  return [order.info, inverse.info, offsets.info, tokens.info];
}

function combineRows(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectCombineRows', call);
  const weights = take('weights', 'float32', ['tokens', 'topK']);
  const [tokens, k] = weights.shape as [number, number];
  const rows = take('rows', 'float32', [tokens * k, 'd']);
  const inverse = take('inverse', 'int32', [tokens * k]);
  if (k === 0) throw new ShapeMismatchError('MoectCombineRows: weights', weights.shape, 'topK of at least 1');
  const d = rows.shape[1]!;
  const at = backend.pointer(inverse);
  checkRange(backend, 'MoectCombineRows: inverse', inverse, 0, tokens * k);
  const out = backend.output([tokens, d], 'float32');
  const args = [tokens, 1, backend.pointer(rows), at, backend.pointer(weights), out.pointer, k, d];
  backend.runtime.dispatch(OP.COMBINE_ROWS, args, backend.runtime.chunks(tokens, k * d));
  return out.info;
}

/** Gradient of gathering the rows of slots: every token's slots added up. */
function slotRowsGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectSlotRowsGrad', call);
  const dy = take('dy', 'float32', ['slots', 'd']);
  const [slots, d] = dy.shape as [number, number];
  const inverse = take('inverse', 'int32', [slots]);
  const k = numberAttr(call, 'topK');
  if (!Number.isInteger(slots / k)) {
    throw new ShapeMismatchError('MoectSlotRowsGrad: dy', dy.shape, `a multiple of topK = ${k} rows`);
  }
  const tokens = slots / k;
  const at = backend.pointer(inverse);
  checkRange(backend, 'MoectSlotRowsGrad: inverse', inverse, 0, slots);
  const out = backend.output([tokens, d], 'float32');
  const args = [tokens, 1, backend.pointer(dy), at, 0, out.pointer, k, d];
  backend.runtime.dispatch(OP.COMBINE_ROWS, args, backend.runtime.chunks(tokens, k * d));
  return out.info;
}

function combineRowsGrad(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectCombineRowsGrad', call);
  const weights = take('weights', 'float32', ['tokens', 'topK']);
  const [tokens, k] = weights.shape as [number, number];
  const rows = take('rows', 'float32', [tokens * k, 'd']);
  const inverse = take('inverse', 'int32', [tokens * k]);
  const d = rows.shape[1]!;
  const dy = take('dy', 'float32', [tokens, d]);
  const at = backend.pointer(inverse);
  // every row must get its gradient from exactly one slot
  checkPermutation(backend, 'MoectCombineRowsGrad: inverse', inverse);
  const drows = backend.output(rows.shape, 'float32');
  const dweights = backend.output(weights.shape, 'float32');
  const pointers = [backend.pointer(rows), at, backend.pointer(weights), backend.pointer(dy)];
  const args = [tokens, 1, ...pointers, drows.pointer, dweights.pointer, k, d];
  backend.runtime.dispatch(OP.COMBINE_ROWS_GRAD, args, backend.runtime.chunks(tokens, 2 * k * d));
  return [drows.info, dweights.info];
}

/** See assembly/fused/rows.ts. `back` and `dy` are changed in place: nothing else may share their values. */
function weightedRowsGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectWeightedRowsGrad', call);
  const weights = take('weights', 'float32', ['tokens', 'topK']);
  const [tokens, k] = weights.shape as [number, number];
  const x = take('x', 'float32', [tokens * k, 'd']);
  const d = x.shape[1]!;
  const back = take('back', 'float32', x.shape);
  const dy = take('dy', 'float32', [tokens * k, 'width']);
  const width = dy.shape[1]!;
  const inverse = take('inverse', 'int32', [tokens * k]);
  const at = backend.pointer(inverse);
  checkPermutation(backend, 'MoectWeightedRowsGrad: inverse', inverse);
  const dweights = backend.output(weights.shape, 'float32');
  const pointers = [x, back, dy].map((info) => backend.pointer(info));
  const args = [tokens, 1, ...pointers, at, backend.pointer(weights), dweights.pointer, k, d, width];
  backend.runtime.dispatch(OP.WEIGHTED_ROWS_GRAD, args, backend.runtime.chunks(tokens, k * (2 * d + width)));
  return dweights.info;
}

/** Choice of experts, dropless grouping of tokens by expert (arXiv 2211.15841) and the way back. */
export function registerExpertOrder(): void {
  registerWasmKernel('MoectTopK', topK);
  registerWasmKernel('MoectSortByExpert', sortByExpert);
  registerWasmKernel('MoectSlotRowsGrad', slotRowsGrad);
  registerWasmKernel('MoectCombineRows', combineRows);
  registerWasmKernel('MoectCombineRowsGrad', combineRowsGrad);
  registerWasmKernel('MoectWeightedRowsGrad', weightedRowsGrad);
}
