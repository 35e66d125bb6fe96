import { AddInto } from '@moect/kernels';
import { broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { KIND, OP } from '../generated/wasm-ops.ts';
import { cpuKernel, implement, inputList, registerWasmKernel, type WasmCall } from '../kernel.ts';
import { unary } from './unary.ts';

/** Layout of a broadcast: rows of `inner` elements, operand steps within a row and strides between rows. */
export interface BroadcastLayout {
  readonly inner: number;
  readonly stepA: number;
  readonly stepB: number;
  /** size, strideA, strideB of every outer dimension, outermost first. */
  readonly outer: readonly number[];
}

/** Element strides of a shape within an output of `rank` dimensions; 0 where it is broadcast. */
function broadcastStrides(shape: readonly number[], rank: number): number[] {
  const strides = new Array<number>(rank).fill(0);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] !== 1) strides[d + rank - shape.length] = stride;
    stride *= shape[d]!;
  }
  return strides;
}

/** Merges neighbouring dimensions that both operands walk alike. */
export function broadcastLayout(
  out: readonly number[],
  a: readonly number[],
  b: readonly number[],
): BroadcastLayout {
  const strideA = broadcastStrides(a, out.length);
  const strideB = broadcastStrides(b, out.length);
  const dims: [size: number, a: number, b: number][] = [];
  for (let d = out.length - 1; d >= 0; d--) {
    const size = out[d]!;
    if (size === 1) continue;
    const last = dims[dims.length - 1];
    if (last !== undefined && strideA[d] === last[1] * last[0] && strideB[d] === last[2] * last[0]) {
      last[0] *= size;
    } else {
      dims.push([size, strideA[d]!, strideB[d]!]);
    }
  }
  const [inner, stepA, stepB] = dims[0] ?? [1, 1, 1];
  return { inner, stepA, stepB, outer: dims.slice(1).reverse().flat() };
}

const flat = (size: number): BroadcastLayout => ({ inner: size, stepA: 1, stepB: 1, outer: [] });

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Runs a broadcast operation into `out`, which has the broadcast shape. */
export function binaryInto(
  backend: MoectWasmBackend,
  op: number,
  kind: number,
  a: TensorInfo,
  b: TensorInfo,
  out: { info: TensorInfo; pointer: number },
): void {
  const size = util.sizeFromShape(out.info.shape);
  if (size === 0) return;
  const { inner, stepA, stepB, outer } = sameShape(a.shape, b.shape)
    ? flat(size)
    : broadcastLayout(out.info.shape, a.shape, b.shape);
  const dims = outer.length / 3;
  const args = [backend.pointer(a), backend.pointer(b), out.pointer, kind, size, inner, stepA, stepB, dims];
  backend.runtime.dispatch(op, args.concat(outer), backend.runtime.chunks((size + 15) >> 4, 16));
}

function broadcastShape(a: TensorInfo, b: TensorInfo): number[] {
  if (sameShape(a.shape, b.shape)) return a.shape;
  return broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
}

export function binary(
  backend: MoectWasmBackend,
  kind: number,
  a: TensorInfo,
  b: TensorInfo,
  dtype: 'float32' | 'int32' = 'float32',
): TensorInfo {
  const out = backend.output(broadcastShape(a, b), dtype);
  binaryInto(backend, dtype === 'float32' ? OP.BINARY : OP.BINARY_INT, kind, a, b, out);
  return out.info;
}

const arithmetic: Record<string, number> = {
  Add: KIND.B_ADD,
  Sub: KIND.B_SUB,
  Multiply: KIND.B_MUL,
  RealDiv: KIND.B_DIV,
  Maximum: KIND.B_MAX,
  Minimum: KIND.B_MIN,
  SquaredDifference: KIND.B_SQUARED_DIFFERENCE,
};

const comparisons: Record<string, number> = {
  Equal: KIND.C_EQ,
  NotEqual: KIND.C_NE,
  Less: KIND.C_LT,
  LessEqual: KIND.C_LE,
  Greater: KIND.C_GT,
  GreaterEqual: KIND.C_GE,
};

function registerArithmetic(name: string, kind: number): void {
  const onCpu = cpuKernel(name);
  registerWasmKernel(name, (call) => {
    const a = call.inputs['a']!;
    const b = call.inputs['b']!;
    if (a.dtype === 'float32' && b.dtype === 'float32') return binary(call.backend, kind, a, b);
    if (a.dtype === 'int32' && b.dtype === 'int32' && kind !== KIND.B_DIV) {
      return binary(call.backend, kind, a, b, 'int32');
    }
    return onCpu(call);
  });
}

function registerComparison(name: string, kind: number): void {
  const onCpu = cpuKernel(name);
  registerWasmKernel(name, (call) => {
    const a = call.inputs['a']!;
    const b = call.inputs['b']!;
    if (a.dtype !== b.dtype || (a.dtype !== 'float32' && a.dtype !== 'int32')) return onCpu(call);
    const out = call.backend.output(broadcastShape(a, b), 'bool');
    binaryInto(call.backend, a.dtype === 'float32' ? OP.COMPARE : OP.COMPARE_INT, kind, a, b, out);
    return out.info;
  });
}

/** Pow with the exponents that training uses; everything else runs on the cpu kernel. */
function registerPow(): void {
  const onCpu = cpuKernel('Pow');
  const special = new Map([
    [0.5, KIND.U_SQRT],
    [-0.5, KIND.U_RSQRT],
    [2, KIND.U_SQUARE],
    [-1, KIND.U_RECIPROCAL],
  ]);
  registerWasmKernel('Pow', (call) => {
    const a = call.inputs['a']!;
    const b = call.inputs['b']!;
    if (a.dtype !== 'float32' || b.dtype !== 'float32' || util.sizeFromShape(b.shape) !== 1)
      return onCpu(call);
    if (b.shape.length > a.shape.length) return onCpu(call);
    const kind = special.get(call.backend.scalar(b));
    return kind === undefined ? onCpu(call) : unary(call.backend, a, kind);
  });
}

function registerAddN(): void {
  const onCpu = cpuKernel('AddN');
  registerWasmKernel('AddN', (call) => {
    const tensors = inputList(call);
    if (tensors.length < 2 || tensors.some((t) => t.dtype !== 'float32')) return onCpu(call);
    const out = call.backend.output(tensors[0]!.shape, 'float32');
    let sum = tensors[0]!;
    for (const next of tensors.slice(1)) {
      binaryInto(call.backend, OP.BINARY, KIND.B_ADD, sum, next, out);
      sum = out.info;
    }
    return out.info;
  });
}

/** Each total becomes total + added, in place. */
function addInto({ backend, inputs }: WasmCall<typeof AddInto>): readonly [] {
  for (const [i, total] of inputs.total.entries()) {
    const out = { info: total, pointer: backend.pointer(total) };
    binaryInto(backend, OP.BINARY, KIND.B_ADD, total, inputs.added[i]!, out);
  }
  return [];
}

export function registerBinary(): void {
  for (const [name, kind] of Object.entries(arithmetic)) registerArithmetic(name, kind);
  for (const [name, kind] of Object.entries(comparisons)) registerComparison(name, kind);
  registerPow();
  registerAddN();
  implement(AddInto, addInto);
}
