import { LoadBalance, LoadBalanceGrad, SquaredLogSumExp, SquaredLogSumExpGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { withTemporary } from './scratch.ts';

/** An exponential costs about as much as this many copied elements. */
const WORK = 8;
/** Tokens that one unit sums: fixed, so that threads do not change the bits. */
const SPAN = 512;

/** Address for a loss without counts of tokens. */
const NO_COUNTS = 0;

/** The loss and its factor. @param counts address of the tokens of each expert, or `NO_COUNTS` */
function loss(
  { backend, inputs, dims }: WasmCall<typeof SquaredLogSumExp>,
  counts: number,
): readonly [TensorInfo, TensorInfo] {
  const { runtime } = backend;
  const { rows, n } = dims;
  const pointers = [backend.pointer(inputs.logits), backend.pointer(inputs.mask), counts];
  const [y, factor] = [backend.output([], 'float32'), backend.output([], 'float32')];
  const parts = Math.ceil(rows / SPAN);
  withTemporary(backend, parts * 16, (partial) => {
    const args = [parts, 1, ...pointers, partial, rows, n, SPAN];
    runtime.dispatch(OP.ROUTER_LOSS, args, runtime.chunks(parts, SPAN * n * WORK));
    runtime.dispatch(OP.ROUTER_LOSS_SUM, [1, 1, partial, parts, counts, n, y.pointer, factor.pointer]);
  });
  return [y.info, factor.info];
}

function lossGrad(
  { backend, inputs, dims }: WasmCall<typeof SquaredLogSumExpGrad>,
  counts: number,
): TensorInfo {
  const { logits, mask, factor, dloss } = inputs;
  const { rows, n } = dims;
  const pointers = [backend.pointer(logits), backend.pointer(mask), counts];
  const scalars = [backend.pointer(factor), backend.pointer(dloss)];
  const dlogits = backend.output(logits.shape, 'float32');
  const args = [rows, 1, ...pointers, ...scalars, dlogits.pointer, n];
  backend.runtime.dispatch(OP.ROUTER_LOSS_GRAD, args, backend.runtime.chunks(rows, n * WORK));
  return dlogits.info;
}

/** Load-balancing and z-loss of router logits, and their gradients. */
export function registerRouterLosses(): void {
  implement(LoadBalance, (call) => loss(call, call.backend.pointer(call.inputs.tokensPerExpert)));
  implement(LoadBalanceGrad, (call) => lossGrad(call, call.backend.pointer(call.inputs.tokensPerExpert)));
  implement(SquaredLogSumExp, (call) => loss(call, NO_COUNTS));
  implement(SquaredLogSumExpGrad, (call) => lossGrad(call, NO_COUNTS));
}
