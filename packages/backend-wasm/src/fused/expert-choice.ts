import { ChooseExperts, ChooseExpertsGrad, CountAssignments } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { between } from '../index-facts.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { checkRange } from './scratch.ts';

/** An exponential costs about as much as this many copied elements. */
const WORK = 8;

function chooseExperts(call: WasmCall<typeof ChooseExperts>): readonly [TensorInfo, TensorInfo] {
  const { backend } = call;
  const { runtime } = backend;
  const { logits } = call.inputs;
  const { rows, n, k } = call.dims;
  const weights = backend.output([rows, k], 'float32');
  const indices = backend.output([rows, k], 'int32', between(0, n - 1));
  const from = backend.pointer(logits);
  const choose = [rows, 1, from, weights.pointer, indices.pointer, n, k];
  runtime.dispatch(OP.TOP_K, choose, runtime.chunks(rows, n + k * k));
  const args = [rows, 1, from, weights.pointer, n, k, Number(call.attrs.renormalize)];
  runtime.dispatch(OP.CHOSEN_WEIGHTS, args, runtime.chunks(rows, n * WORK));
  return [weights.info, indices.info];
}

function chooseExpertsGrad(call: WasmCall<typeof ChooseExpertsGrad>): TensorInfo {
  const { backend } = call;
  const { logits, indices, dweights } = call.inputs;
  const { rows, n, k } = call.dims;
  checkRange(backend, `${ChooseExpertsGrad.name}: indices`, indices, 0, n);
  const dlogits = backend.output(logits.shape, 'float32');
  const pointers = [...[logits, indices, dweights].map((info) => backend.pointer(info)), dlogits.pointer];
  const args = [rows, 1, ...pointers, n, k, Number(call.attrs.renormalize)];
  backend.runtime.dispatch(OP.CHOSEN_WEIGHTS_GRAD, args, backend.runtime.chunks(rows, n * (WORK + k)));
  return dlogits.info;
}

function countAssignments({ backend, inputs, dims }: WasmCall<typeof CountAssignments>): TensorInfo {
  const { indices, mask } = inputs;
  const { rows, k, numExperts: experts } = dims;
  const at = backend.pointer(indices);
  checkRange(backend, `${CountAssignments.name}: indices`, indices, 0, experts);
  const counts = backend.output([experts], 'float32');
  const args = [1, 1, at, backend.pointer(mask), counts.pointer, rows * k, k, experts];
  backend.runtime.dispatch(OP.COUNT_ASSIGNMENTS, args);
  return counts.info;
}

/** Choice of experts from router logits with its gradient, and the number of tokens of each expert. */
export function registerExpertChoice(): void {
  implement(ChooseExperts, chooseExperts);
  implement(ChooseExpertsGrad, chooseExpertsGrad);
  implement(CountAssignments, countAssignments);
}
