import { inputsOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { withTemporary } from './scratch.ts';

/** Columns of one unit, as in assembly/fused/causal-mean.ts. */
const COLUMNS = 8;

function causalMean(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const take = inputsOf('MoectCausalMean', call);
  const x = take('x', 'float32', ['batch', 'time', 'd']);
  const [batch, time, d] = x.shape as [number, number, number];
  const documentIds = take('documentIds', 'int32', [batch, time]);
  const y = backend.output(x.shape, 'float32');
  const units = batch * Math.ceil(d / COLUMNS);
  const args = [units, 1, backend.pointer(x), backend.pointer(documentIds), y.pointer, time, d];
  backend.runtime.dispatch(OP.CAUSAL_MEAN, args, backend.runtime.chunks(units, time * COLUMNS));
  return y.info;
}

function causalMeanGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const { runtime } = backend;
  const take = inputsOf('MoectCausalMeanGrad', call);
  const dy = take('dy', 'float32', ['batch', 'time', 'd']);
  const [batch, time, d] = dy.shape as [number, number, number];
  const documentIds = take('documentIds', 'int32', [batch, time]);
  const dx = backend.output(dy.shape, 'float32');
  const units = batch * Math.ceil(d / COLUMNS);
  withTemporary(backend, batch * time * 4, (counts) => {
    runtime.dispatch(OP.RUN_COUNTS, [batch, 1, backend.pointer(documentIds), counts, time]);
    const args = [units, 1, backend.pointer(dy), counts, dx.pointer, time, d];
    runtime.dispatch(OP.CAUSAL_MEAN_GRAD, args, runtime.chunks(units, time * COLUMNS));
  });
  return dx.info;
}

/** Mean of each token's prefix within its document, and its gradient. */
export function registerCausalMean(): void {
  registerWasmKernel('MoectCausalMean', causalMean);
  registerWasmKernel('MoectCausalMeanGrad', causalMeanGrad);
}
