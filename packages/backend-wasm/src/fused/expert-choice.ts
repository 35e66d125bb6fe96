import { choiceInputs, inputsOf, numberAttr } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { between } from '../index-facts.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { checkRange } from './scratch.ts';

/** An exponential costs about as much as this many copied elements. */
const WORK = 8;

function chooseExperts(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const { logits, params } = choiceInputs('MoectChooseExperts', call);
  const { rows, n, k, renormalize } = params;
  const weights = backend.output([rows, k], 'float32');
  const indices = backend.output([rows, k], 'int32', between(0, n - 1));
  const from = backend.pointer(logits);
  const choose = [rows, 1, from, weights.pointer, indices.pointer, n, k];
  runtime.dispatch(OP.TOP_K, choose, runtime.chunks(rows, n + k * k));
  const args = [rows, 1, from, weights.pointer, n, k, renormalize];
  runtime.dispatch(OP.CHOSEN_WEIGHTS, args, runtime.chunks(rows, n * WORK));
  return [weights.info, indices.info];
}

function chooseExpertsGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const { take, logits, params } = choiceInputs('MoectChooseExpertsGrad', call);
  const { rows, n, k, renormalize } = params;
  const indices = take('indices', 'int32', [rows, k]);
  const dweights = take('dweights', 'float32', [rows, k]);
  checkRange(backend, 'MoectChooseExpertsGrad: indices', indices, 0, n);
  const dlogits = backend.output(logits.shape, 'float32');
  const pointers = [...[logits, indices, dweights].map((info) => backend.pointer(info)), dlogits.pointer];
  const args = [rows, 1, ...pointers, n, k, renormalize];
  backend.runtime.dispatch(OP.CHOSEN_WEIGHTS_GRAD, args, backend.runtime.chunks(rows, n * (WORK + k)));
  return dlogits.info;
}

function countAssignments(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectCountAssignments', call);
  const indices = take('indices', 'int32', ['rows', 'k']);
  const [rows, k] = indices.shape as [number, number];
  const mask = take('mask', 'float32', [rows]);
  const experts = numberAttr(call, 'numExperts');
  const at = backend.pointer(indices);
  checkRange(backend, 'MoectCountAssignments: indices', indices, 0, experts);
  const counts = backend.output([experts], 'float32');
  const args = [1, 1, at, backend.pointer(mask), counts.pointer, rows * k, k, experts];
  backend.runtime.dispatch(OP.COUNT_ASSIGNMENTS, args);
  return counts.info;
}

/** Choice of experts from router logits with its gradient, and how many tokens each expert gets. */
export function registerExpertChoice(): void {
  registerWasmKernel('MoectChooseExperts', chooseExperts);
  registerWasmKernel('MoectChooseExpertsGrad', chooseExpertsGrad);
  registerWasmKernel('MoectCountAssignments', countAssignments);
}
