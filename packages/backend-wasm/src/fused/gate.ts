import { GatePrior, GatePriorGrad, GateWeight, GateWeightGrad, sizeOf } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { WasmOutput } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { sumParts } from './norms.ts';
import { withTemporary } from './scratch.ts';

/** Row ranges whose sums are added in order: a fixed number, so that threads do not change the bits. */
const PARTS = 32;
/** A hyperbolic tangent costs about as much as this many copied elements. */
const WORK = 10;
/** Tokens whose losses one unit sums. */
const SPAN = 1024;

function gateWeight({
  backend,
  inputs,
  dims,
  rows,
}: WasmCall<typeof GateWeight>): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { left, right, leftBias, rightBias, weight, bias } = inputs;
  const d = dims.inner;
  const shape = [...left.shape.slice(0, -1), 1];
  const [logit, probability] = [backend.output(shape, 'float32'), backend.output(shape, 'float32')];
  const tanh = backend.output(left.shape, 'float32');
  const given = [left, right, leftBias, rightBias, weight, bias].map((info) => backend.pointer(info));
  const pointers = [...given, logit.pointer, probability.pointer, tanh.pointer];
  backend.runtime.dispatch(OP.GATE_WEIGHT, [rows, 1, ...pointers, d], backend.runtime.chunks(rows, d * WORK));
  return [logit.info, probability.info, tanh.info];
}

function gateWeightGrad({
  backend,
  inputs,
  dims,
  rows,
}: WasmCall<typeof GateWeightGrad>): readonly [TensorInfo, TensorInfo, TensorInfo, TensorInfo] {
  const { runtime } = backend;
  const { weight, probability, tanh, dlogit, dprobability } = inputs;
  const d = dims.inner;
  const parts = Math.min(PARTS, rows);
  const dsum = backend.output(tanh.shape, 'float32');
  const sums = [[d], [1, d], [1]].map((of) => backend.output(of, 'float32'));
  const [dinnerBias, dweight, dbias] = sums as [WasmOutput, WasmOutput, WasmOutput];
  const pitch = 2 * d + 1;
  withTemporary(backend, parts * pitch * 4, (partial) => {
    const given = [weight, probability, tanh, dlogit, dprobability].map((info) => backend.pointer(info));
    const pointers = [...given, dsum.pointer, partial];
    const chunks = runtime.chunks(parts, (rows / parts) * d);
    runtime.dispatch(OP.GATE_WEIGHT_GRAD, [parts, 1, ...pointers, rows, d], chunks);
    sums.forEach((sum, i) => {
      sumParts(backend, partial + i * d * 4, sum.pointer, sizeOf(sum.info.shape), parts, pitch);
    });
  });
  return [dsum.info, dinnerBias.info, dweight.info, dbias.info];
}

interface Prior {
  /** Addresses of the logits, the classes and the document numbers. */
  readonly pointers: readonly number[];
  readonly classes: readonly number[];
  readonly scales: readonly number[];
}

function priorOf({ backend, inputs, attrs }: WasmCall<typeof GatePrior>): Prior {
  const { logit, classes, documentIds } = inputs;
  return {
    pointers: [logit, classes, documentIds].map((info) => backend.pointer(info)),
    classes: [attrs.positive, attrs.negative],
    scales: [attrs.positiveScale, attrs.negativeScale].map(floatBits),
  };
}

function gatePrior(call: WasmCall<typeof GatePrior>): readonly [TensorInfo, TensorInfo] {
  const { backend, rows: n } = call;
  const { runtime } = backend;
  const { pointers, classes, scales } = priorOf(call);
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

function gatePriorGrad(call: WasmCall<typeof GatePriorGrad>): TensorInfo {
  const { backend, rows: n } = call;
  const { logit, dpositive, dnegative } = call.inputs;
  const { pointers, classes, scales } = priorOf(call);
  const slopes = [dpositive, dnegative].map((info) => backend.pointer(info));
  const dlogit = backend.output(logit.shape, 'float32');
  const args = [n, 16, ...pointers, ...slopes, dlogit.pointer, ...classes, ...scales];
  backend.runtime.dispatch(OP.GATE_PRIOR_GRAD, args, backend.runtime.chunks(n, WORK));
  return dlogit.info;
}

/** Weight of a gate, and the prior on it, with their gradients. */
export function registerGate(): void {
  implement(GateWeight, gateWeight);
  implement(GateWeightGrad, gateWeightGrad);
  implement(GatePrior, gatePrior);
  implement(GatePriorGrad, gatePriorGrad);
}
