import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { OP } from '../../generated/wasm-ops.ts';
import { inputsOf, lastSize, numberAttr, sizeOf, type TakeInput } from '../../kernel-inputs.ts';
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
  const take = inputsOf('MoectGateWeight', call);
  const left = take('left', 'float32', ['…', 'inner']);
  const d = lastSize(left);
  const inputs = [
    left,
    take('right', 'float32', left.shape),
    take('leftBias', 'float32', [d]),
    take('rightBias', 'float32', [d]),
    take('weight', 'float32', [1, d]),
    take('bias', 'float32', [1]),
  ];
  const shape = [...left.shape.slice(0, -1), 1];
  const outputs = [shape, shape, left.shape].map((of) => backend.output(of, 'float32'));
  const rows = sizeOf(shape);
  const pointers = [...inputs.map((info) => backend.pointer(info)), ...outputs.map((out) => out.pointer)];
  backend.runtime.dispatch(OP.GATE_WEIGHT, [rows, 1, ...pointers, d], backend.runtime.chunks(rows, d * WORK));
  return outputs.map(({ info }) => info);
}

function gateWeightGrad(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const take = inputsOf('MoectGateWeightGrad', call);
  const inner = take('inner', 'float32', ['…', 'inner']);
  const d = lastSize(inner);
  const shape = [...inner.shape.slice(0, -1), 1];
  const inputs = [
    take('weight', 'float32', [1, d]),
    take('probability', 'float32', shape),
    inner,
    take('dlogit', 'float32', shape),
    take('dprobability', 'float32', shape),
  ];
  const rows = sizeOf(shape);
  const parts = Math.min(PARTS, rows);
  const dsum = backend.output(inner.shape, 'float32');
  const sums = [[d], [1, d], [1]].map((of) => backend.output(of, 'float32'));
  const pitch = 2 * d + 1;
  withTemporary(backend, parts * pitch * 4, (partial) => {
    const pointers = [...inputs.map((info) => backend.pointer(info)), dsum.pointer, partial];
    const chunks = runtime.chunks(parts, (rows / parts) * d);
    runtime.dispatch(OP.GATE_WEIGHT_GRAD, [parts, 1, ...pointers, rows, d], chunks);
    sums.forEach((sum, i) => {
      sumParts(backend, partial + i * d * 4, sum.pointer, sizeOf(sum.info.shape), parts, pitch);
    });
  });
  return [dsum.info, ...sums.map(({ info }) => info)];
}

interface Prior {
  readonly take: TakeInput;
  readonly logit: TensorInfo;
  readonly n: number;
  /** Of the logits, the classes and the document numbers. */
  readonly pointers: readonly number[];
  readonly classes: readonly number[];
  readonly scales: readonly number[];
}

function priorOf(name: string, call: WasmKernelCall): Prior {
  const take = inputsOf(name, call);
  const logit = take('logit', 'float32', ['…']);
  const n = sizeOf(logit.shape);
  const ids = ['classes', 'documentIds'].map((input) => {
    const info = take(input, 'int32', ['…']);
    if (sizeOf(info.shape) === n) return info;
    throw new ShapeMismatchError(`${name}: ${input}`, info.shape, `${n} numbers`);
  });
  return {
    take,
    logit,
    n,
    pointers: [logit, ...ids].map((info) => call.backend.pointer(info)),
    classes: ['positive', 'negative'].map((attr) => numberAttr(call, attr)),
    scales: ['positiveScale', 'negativeScale'].map((attr) => floatBits(numberAttr(call, attr))),
  };
}

function gatePrior(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const { n, pointers, classes, scales } = priorOf('MoectGatePrior', call);
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
  const { take, logit, n, pointers, classes, scales } = priorOf('MoectGatePriorGrad', call);
  const slopes = ['dpositive', 'dnegative'].map((name) => backend.pointer(take(name, 'float32', [])));
  const dlogit = backend.output(logit.shape, 'float32');
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
