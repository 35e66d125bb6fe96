import { type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend, WasmOutput } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { cpuKernel, registerWasmKernel } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import type { HeapDType } from '../tensor-data.ts';
import { isHeapDType } from './copy.ts';

/** 32-bit pattern of a value in a dtype of four bytes. */
function bits(dtype: DataType, value: number): number {
  return dtype === 'float32' ? floatBits(value) : value | 0;
}

/** Sets every element of an output to one value. */
export function fillOutput(backend: MoectWasmBackend, out: WasmOutput, value: number): void {
  const size = util.sizeFromShape(out.info.shape);
  if (size === 0) return;
  if (out.info.dtype === 'bool') {
    backend.runtime.u8().fill(value, out.pointer, out.pointer + size);
    return;
  }
  const args = [out.pointer, size, bits(out.info.dtype, value)];
  backend.runtime.dispatch(OP.FILL_WORDS, args, backend.runtime.chunks((size + 15) >> 4, 8));
}

function filled(
  backend: MoectWasmBackend,
  shape: readonly number[],
  dtype: HeapDType,
  value: number,
): TensorInfo {
  const out = backend.output(shape, dtype);
  fillOutput(backend, out, value);
  return out.info;
}

function oneHot(backend: MoectWasmBackend, indices: TensorInfo, attrs: Record<string, unknown>): TensorInfo {
  const { dtype, depth, onValue, offValue } = attrs as {
    dtype: HeapDType;
    depth: number;
    onValue: number;
    offValue: number;
  };
  const out = backend.output([...indices.shape, depth], dtype);
  const n = util.sizeFromShape(indices.shape);
  if (n * depth === 0) return out.info;
  const args = [backend.pointer(indices), out.pointer, n, depth, bits(dtype, onValue), bits(dtype, offValue)];
  backend.runtime.dispatch(OP.ONE_HOT, args, backend.runtime.chunks(n, depth));
  return out.info;
}

export function registerCreate(): void {
  const fillOnCpu = cpuKernel('Fill');
  registerWasmKernel('Fill', (call) => {
    const { shape, value, dtype } = call.attrs as unknown as {
      shape: number[];
      value: number;
      dtype?: DataType;
    };
    const type = dtype ?? util.inferDtype(value as never);
    return isHeapDType(type) ? filled(call.backend, shape, type, Number(value)) : fillOnCpu(call);
  });
  for (const [name, value] of [
    ['ZerosLike', 0],
    ['OnesLike', 1],
  ] as const) {
    const onCpu = cpuKernel(name);
    registerWasmKernel(name, (call) => {
      const x = call.inputs['x']!;
      return isHeapDType(x.dtype) ? filled(call.backend, x.shape, x.dtype, value) : onCpu(call);
    });
  }
  const oneHotOnCpu = cpuKernel('OneHot');
  registerWasmKernel('OneHot', (call) => {
    const indices = call.inputs['indices']!;
    const attrs = call.attrs as unknown as Record<string, unknown>;
    if (indices.dtype !== 'int32' || (attrs['dtype'] !== 'float32' && attrs['dtype'] !== 'int32')) {
      return oneHotOnCpu(call);
    }
    return oneHot(call.backend, indices, attrs);
  });
}
