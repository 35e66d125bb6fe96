import { CausalMean, CausalMeanGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { withTemporary } from './scratch.ts';

/** Columns of one unit, as in assembly/fused/causal-mean.ts. */
const COLUMNS = 8;

function causalMean({ backend, inputs, dims }: WasmCall<typeof CausalMean>): TensorInfo {
  const { x, documentIds } = inputs;
  const { batch, time, d } = dims;
  const y = backend.output(x.shape, 'float32');
  const units = batch * Math.ceil(d / COLUMNS);
  const args = [units, 1, backend.pointer(x), backend.pointer(documentIds), y.pointer, time, d];
  backend.runtime.dispatch(OP.CAUSAL_MEAN, args, backend.runtime.chunks(units, time * COLUMNS));
  return y.info;
}

function causalMeanGrad({ backend, inputs, dims }: WasmCall<typeof CausalMeanGrad>): TensorInfo {
  const { runtime } = backend;
  const { dy, documentIds } = inputs;
  const { batch, time, d } = dims;
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
  implement(CausalMean, causalMean);
  implement(CausalMeanGrad, causalMeanGrad);
}
