import {
  CombineRows,
  CombineRowsGrad,
  SlotRowsGrad,
  SortByExpert,
  TopK,
  WeightedRowsGrad,
} from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { between, permutationOf, risingTo } from '../index-facts.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { checkPermutation, checkRange, sortKeys } from './scratch.ts';

function topK({ backend, inputs, dims }: WasmCall<typeof TopK>): readonly [TensorInfo, TensorInfo] {
  const { scores } = inputs;
  const { rows, n, k } = dims;
  const values = backend.output([rows, k], 'float32');
  const indices = backend.output([rows, k], 'int32', between(0, n - 1));
  const args = [rows, 1, backend.pointer(scores), values.pointer, indices.pointer, n, k];
  backend.runtime.dispatch(OP.TOP_K, args, backend.runtime.chunks(rows, n + k * k));
  return [values.info, indices.info];
}

function sortByExpert({
  backend,
  inputs,
  dims,
}: WasmCall<typeof SortByExpert>): readonly [TensorInfo, TensorInfo, TensorInfo, TensorInfo] {
  const keys = inputs.expertIndices;
  const { topK, numExperts, slots: n } = dims;
  const at = backend.pointer(keys);
  checkRange(backend, `${SortByExpert.name}: expertIndices`, keys, 0, numExperts);
  const order = backend.output([n], 'int32', permutationOf(n));
  const inverse = backend.output([n], 'int32', permutationOf(n));
  const offsets = backend.output([numExperts + 1], 'int32', risingTo(n));
  const tokens = backend.output([n], 'int32', between(0, dims.tokens - 1));
  sortKeys(backend, at, n, numExperts, order.pointer, offsets.pointer);
  const args = [order.pointer, inverse.pointer, tokens.pointer, n, topK];
  backend.runtime.dispatch(OP.INVERT_ORDER, args);
  return [order.info, inverse.info, offsets.info, tokens.info];
}

function combineRows({ backend, inputs, dims }: WasmCall<typeof CombineRows>): TensorInfo {
  const { weights, rows, inverse } = inputs;
  const { tokens, topK: k, slots, d } = dims;
  const at = backend.pointer(inverse);
  checkRange(backend, `${CombineRows.name}: inverse`, inverse, 0, slots);
  const out = backend.output([tokens, d], 'float32');
  const args = [tokens, 1, backend.pointer(rows), at, backend.pointer(weights), out.pointer, k, d];
  backend.runtime.dispatch(OP.COMBINE_ROWS, args, backend.runtime.chunks(tokens, k * d));
  return out.info;
}

/** Gradient of gathering the rows of slots: sums the slots of each token. */
function slotRowsGrad({ backend, inputs, dims }: WasmCall<typeof SlotRowsGrad>): TensorInfo {
  const { dy, inverse } = inputs;
  const { tokens, topK: k, slots, d } = dims;
  const at = backend.pointer(inverse);
  checkRange(backend, `${SlotRowsGrad.name}: inverse`, inverse, 0, slots);
  const out = backend.output([tokens, d], 'float32');
  const args = [tokens, 1, backend.pointer(dy), at, 0, out.pointer, k, d];
  backend.runtime.dispatch(OP.COMBINE_ROWS, args, backend.runtime.chunks(tokens, k * d));
  return out.info;
}

function combineRowsGrad({
  backend,
  inputs,
  dims,
}: WasmCall<typeof CombineRowsGrad>): readonly [TensorInfo, TensorInfo] {
  const { weights, rows, inverse, dy } = inputs;
  const { tokens, topK: k, d } = dims;
  const at = backend.pointer(inverse);
  // every row must get its gradient from exactly one slot
  checkPermutation(backend, `${CombineRowsGrad.name}: inverse`, inverse);
  const drows = backend.output(rows.shape, 'float32');
  const dweights = backend.output(weights.shape, 'float32');
  const pointers = [backend.pointer(rows), at, backend.pointer(weights), backend.pointer(dy)];
  const args = [tokens, 1, ...pointers, drows.pointer, dweights.pointer, k, d];
  backend.runtime.dispatch(OP.COMBINE_ROWS_GRAD, args, backend.runtime.chunks(tokens, 2 * k * d));
  return [drows.info, dweights.info];
}

/** See assembly/fused/rows.ts. `back` and `dy` are changed in place: nothing else may share their values. */
function weightedRowsGrad({ backend, inputs, dims }: WasmCall<typeof WeightedRowsGrad>): TensorInfo {
  const { weights, x, back, dy, inverse } = inputs;
  const { tokens, topK: k, d, width } = dims;
  const at = backend.pointer(inverse);
  checkPermutation(backend, `${WeightedRowsGrad.name}: inverse`, inverse);
  const dweights = backend.output(weights.shape, 'float32');
  const pointers = [x, back, dy].map((info) => backend.pointer(info));
  const args = [tokens, 1, ...pointers, at, backend.pointer(weights), dweights.pointer, k, d, width];
  backend.runtime.dispatch(OP.WEIGHTED_ROWS_GRAD, args, backend.runtime.chunks(tokens, k * (2 * d + width)));
  return dweights.info;
}

/** Choice of experts, dropless grouping of tokens by expert (arXiv 2211.15841), its inverse and gradients. */
export function registerExpertOrder(): void {
  implement(TopK, topK);
  implement(SortByExpert, sortByExpert);
  implement(SlotRowsGrad, slotRowsGrad);
  implement(CombineRows, combineRows);
  implement(CombineRowsGrad, combineRowsGrad);
  implement(WeightedRowsGrad, weightedRowsGrad);
}
