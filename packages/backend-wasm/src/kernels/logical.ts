import { broadcast_util, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import type { HeapDType } from '../tensor-data.ts';
import { tile } from './copy.ts';

const AND = 0;
const OR = 1;
const NOT = 2;

function logical(backend: MoectWasmBackend, kind: number, a: TensorInfo, b: TensorInfo): TensorInfo {
  const out = backend.output(a.shape, 'bool');
  const size = util.sizeFromShape(a.shape);
  const args = [backend.pointer(a), backend.pointer(b), out.pointer, size, kind];
  if (size > 0) backend.runtime.dispatch(OP.LOGICAL, args, backend.runtime.chunks((size + 63) >> 6, 64));
  return out.info;
}

/** `info` copied into a larger shape that it broadcasts to. */
function broadcastTo(backend: MoectWasmBackend, info: TensorInfo, shape: readonly number[]): TensorInfo {
  const padded = [...new Array<number>(shape.length - info.shape.length).fill(1), ...info.shape];
  const view = backend.alias(info, padded);
  const result = tile(
    backend,
    view,
    shape.map((size, d) => (padded[d] === size ? 1 : size)),
  );
  backend.disposeIntermediateTensorInfo(view);
  return result;
}

function logicalBroadcast(backend: MoectWasmBackend, kind: number, a: TensorInfo, b: TensorInfo): TensorInfo {
  const shape = broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const wideA = broadcastTo(backend, a, shape);
  const wideB = broadcastTo(backend, b, shape);
  const result = logical(backend, kind, wideA, wideB);
  backend.disposeIntermediateTensorInfo(wideA);
  backend.disposeIntermediateTensorInfo(wideB);
  return result;
}

const casts: Record<string, number> = {
  'float32 int32': 0,
  'int32 float32': 1,
  'bool float32': 2,
  'bool int32': 3,
  'float32 bool': 4,
  'int32 bool': 5,
};

/** A real copy in the new dtype: the cpu kernel only relabels int32 and bool as float32. */
export function cast(backend: MoectWasmBackend, x: TensorInfo, dtype: DataType): TensorInfo | undefined {
  if (x.dtype === dtype) return backend.alias(x, x.shape);
  const kind = casts[`${x.dtype} ${dtype}`];
  if (kind === undefined) return undefined;
  const out = backend.output(x.shape, dtype as HeapDType);
  const size = util.sizeFromShape(x.shape);
  const args = [backend.pointer(x), out.pointer, size, kind];
  if (size > 0) backend.runtime.dispatch(OP.CAST, args, backend.runtime.chunks((size + 63) >> 6, 128));
  return out.info;
}

function registerSelect(): void {
  const onCpu = cpuKernel('Select');
  registerWasmKernel('Select', (call) => {
    const { condition, t, e } = call.inputs as { condition: TensorInfo; t: TensorInfo; e: TensorInfo };
    const alike = [condition, e].every((x) => util.arraysEqual(x.shape, t.shape));
    if (!alike || t.dtype !== e.dtype || (t.dtype !== 'float32' && t.dtype !== 'int32')) return onCpu(call);
    if (condition.dtype !== 'bool') return onCpu(call);
    const { backend } = call;
    const out = backend.output(t.shape, t.dtype);
    const size = util.sizeFromShape(t.shape);
    const args = [backend.pointer(condition), backend.pointer(t), backend.pointer(e), out.pointer, size];
    if (size > 0) backend.runtime.dispatch(OP.SELECT, args, backend.runtime.chunks((size + 15) >> 4, 16));
    return out.info;
  });
}

export function registerLogical(): void {
  for (const [name, kind] of [
    ['LogicalAnd', AND],
    ['LogicalOr', OR],
  ] as const) {
    const onCpu = cpuKernel(name);
    registerWasmKernel(name, (call) => {
      const a = call.inputs['a']!;
      const b = call.inputs['b']!;
      if (a.dtype !== 'bool' || b.dtype !== 'bool') return onCpu(call);
      if (util.arraysEqual(a.shape, b.shape)) return logical(call.backend, kind, a, b);
      return logicalBroadcast(call.backend, kind, a, b);
    });
  }
  const notOnCpu = cpuKernel('LogicalNot');
  registerWasmKernel('LogicalNot', (call) => {
    const x = call.inputs['x']!;
    return x.dtype === 'bool' ? logical(call.backend, NOT, x, x) : notOnCpu(call);
  });
  const castOnCpu = cpuKernel('Cast');
  registerWasmKernel('Cast', (call) => {
    const { dtype } = call.attrs as { dtype: DataType };
    const x = call.inputs['x']!;
    return (x.dtype === 'complex64' ? undefined : cast(call.backend, x, dtype)) ?? castOnCpu(call);
  });
  registerSelect();
}
