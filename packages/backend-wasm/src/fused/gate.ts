import {
  type GatePriorInputs,
  gatePriorInputs,
  gateWeightGradInputs,
  gateWeightInputs,
  sizeOf,
} from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { sumParts } from './norms.ts';
import { withTemporary } from './scratch.ts';

/** Row ranges whose sums are added in order: a fixed number, so that threads do not change the bits. */
const PARTS = 32;
/** A hyperbolic tangent costs about as much as this many copied elements. */
const WORK = 10;
/** Tokens whose losses one unit sums. */
const SPAN = 1024;

function gateWeight(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { tensors, d, shape } = gateWeightInputs(call);
  const outputs = [shape, shape, tensors.left.shape].map((of) => backend.output(of, 'float32'));
  const rows = sizeOf(shape);
  const inputs = Object.values(tensors).map((info) => backend.pointer(info));
  const pointers = [...inputs, ...outputs.map((out) => out.pointer)];
  backend.runtime.dispatch(OP.GATE_WEIGHT, [rows, 1, ...pointers, d], backend.runtime.chunks(rows, d * WORK));
  return outputs.map(({ info }) => info);
}

function gateWeightGrad(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const { tensors, d, shape } = gateWeightGradInputs(call);
  const rows = sizeOf(shape);
  const parts = Math.min(PARTS, rows);
  const dsum = backend.output(tensors.inner.shape, 'float32');
  const sums = [[d], [1, d], [1]].map((of) => backend.output(of, 'float32'));
  const pitch = 2 * d + 1;
  withTemporary(backend, parts * pitch * 4, (partial) => {
    const inputs = Object.values(tensors).map((info) => backend.pointer(info));
    const pointers = [...inputs, dsum.pointer, partial];
    const chunks = runtime.chunks(parts, (rows / parts) * d);
    runtime.dispatch(OP.GATE_WEIGHT_GRAD, [parts, 1, ...pointers, rows, d], chunks);
    sums.forEach((sum, i) => {
      sumParts(backend, partial + i * d * 4, sum.pointer, sizeOf(sum.info.shape), parts, pitch);
    });
  });
  return [dsum.info, ...sums.map(({ info }) => info)];
}

interface Prior extends GatePriorInputs {
  /** Of the logits, the classes and the document numbers. */
  readonly pointers: readonly number[];
  readonly classes: readonly number[];
  readonly scales: readonly number[];
}

function priorOf(name: string, call: WasmKernelCall): Prior {
  const inputs = gatePriorInputs(name, call);
  return {
    ...inputs,
    pointers: Object.values(inputs.tensors).map((info) => call.backend.pointer(info)),
    classes: [inputs.positive, inputs.negative],
    scales: [inputs.positiveScale, inputs.negativeScale].map(floatBits),
  };
}

function gatePrior(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const { size: n, pointers, classes, scales } = priorOf('MoectGatePrior', call);
  const [positive, negative] = [backend.output([], 'float32'), backend.output([], 'float32')];
  const parts = Math.ceil(n / SPAN);
  withTemporary(backend, parts * 16, (partial) => {
    const args = [parts, 1, ...pointers, partial, n, ...classes, SPAN];
    runtime.dispatch(OP.GATE_PRIOR, args, runtime.chunks(parts, SPAN * WORK));
    runtime.dispatch(OP.GATE_PRIOR_SUM, [
      1,
      1,
      partial,
      parts,
      positive.pointer,
      negative.pointer,
      ...scales,
    ]);
  });
  return [positive.info, negative.info];
}

function gatePriorGrad(call: WasmKernelCall): TensorInfo {
  const { backend } = call;
  const { take, tensors, size: n, pointers, classes, scales } = priorOf('MoectGatePriorGrad', call);
  const slopes = ['dpositive', 'dnegative'].map((name) => backend.pointer(take(name, 'float32', [])));
  const dlogit = backend.output(tensors.logit.shape, 'float32');
  const args = [n, 16, ...pointers, ...slopes, dlogit.pointer, ...classes, ...scales];
  backend.runtime.dispatch(OP.GATE_PRIOR_GRAD, args, backend.runtime.chunks(n, WORK));
  return dlogit.info;
}

/** Weight of a gate, and the prior on it, with their gradients. */
export function registerGate(): void {
  registerWasmKernel('MoectGateWeight', gateWeight);
  registerWasmKernel('MoectGateWeightGrad', gateWeightGrad);
  registerWasmKernel('MoectGatePrior', gatePrior);
  registerWasmKernel('MoectGatePriorGrad', gatePriorGrad);
}
