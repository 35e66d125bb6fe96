import { type RouterLossInputs, routerLossInputs } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { withTemporary } from './scratch.ts';

/** An exponential costs about as much as this many copied elements. */
const WORK = 8;
/** Tokens that one unit sums: fixed, so that threads do not change the bits. */
const SPAN = 512;

/** Addresses of the logits, the mask and the counts; without counts the last is 0. */
function pointersOf(
  { backend }: WasmKernelCall,
  { logits, mask, tokensPerExpert }: RouterLossInputs,
): readonly [number, number, number] {
  const counts = tokensPerExpert === undefined ? 0 : backend.pointer(tokensPerExpert);
  return [backend.pointer(logits), backend.pointer(mask), counts];
}

function routerLoss(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const inputs = routerLossInputs('MoectRouterLoss', call);
  const { rows, n } = inputs.params;
  const pointers = pointersOf(call, inputs);
  const [y, factor] = [backend.output([], 'float32'), backend.output([], 'float32')];
  const parts = Math.ceil(rows / SPAN);
  withTemporary(backend, parts * 16, (partial) => {
    const args = [parts, 1, ...pointers, partial, rows, n, SPAN];
    runtime.dispatch(OP.ROUTER_LOSS, args, runtime.chunks(parts, SPAN * n * WORK));
    runtime.dispatch(OP.ROUTER_LOSS_SUM, [1, 1, partial, parts, pointers[2], n, y.pointer, factor.pointer]);
  });
  return [y.info, factor.info];
}

function routerLossGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const inputs = routerLossInputs('MoectRouterLossGrad', call);
  const { take, logits } = inputs;
  const { rows, n } = inputs.params;
  const pointers = pointersOf(call, inputs);
  const scalars = ['factor', 'dloss'].map((name) => backend.pointer(take(name, 'float32', [])));
  const dlogits = backend.output(logits.shape, 'float32');
  const args = [rows, 1, ...pointers, ...scalars, dlogits.pointer, n];
  backend.runtime.dispatch(OP.ROUTER_LOSS_GRAD, args, backend.runtime.chunks(rows, n * WORK));
  return dlogits.info;
}

/** Load-balancing and z-loss of router logits, and their gradients. */
export function registerRouterLosses(): void {
  registerWasmKernel('MoectRouterLoss', routerLoss);
  registerWasmKernel('MoectRouterLossGrad', routerLossGrad);
}
