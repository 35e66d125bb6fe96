import '@tensorflow/tfjs-backend-cpu';
import { type Implementation, implementKernel, type KernelSpec } from '@moect/kernels';
import {
  getKernel,
  getKernelsForBackend,
  type KernelConfig,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { type MoectWasmBackend, WASM_BACKEND } from './backend.ts';

export interface WasmKernelCall {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
  readonly backend: MoectWasmBackend;
}

export type WasmKernel = (call: WasmKernelCall) => TensorInfo | TensorInfo[];

/** A checked call of a kernel of the table. */
export type WasmCall<S extends KernelSpec> = Parameters<Implementation<S, MoectWasmBackend>>[0];

/** Registers the wasm backend's implementation of a kernel of the table. */
export function implement<S extends KernelSpec>(spec: S, kernel: Implementation<S, MoectWasmBackend>): void {
  implementKernel<S, MoectWasmBackend>(WASM_BACKEND, spec, (call) =>
    call.backend.attempt(() => kernel(call)),
  );
}

/** Registers a kernel of TensorFlow.js for the wasm backend, in place of an inherited one of the same name. */
export function registerWasmKernel(kernelName: string, kernel: WasmKernel): void {
  if (getKernel(kernelName, WASM_BACKEND) !== undefined) unregisterKernel(kernelName, WASM_BACKEND);
  const attempt: WasmKernel = (call) => call.backend.attempt(() => kernel(call));
  registerKernel({
    kernelName,
    backendName: WASM_BACKEND,
    kernelFunc: attempt as unknown as KernelConfig['kernelFunc'],
  });
}

/** The kernel of tfjs-backend-cpu, which also runs on our tensors; for dtypes that the wasm kernel leaves alone. */
export function cpuKernel(kernelName: string): WasmKernel {
  const found = getKernel(kernelName, 'cpu');
  if (found === undefined) throw new Error(`tfjs-backend-cpu has no kernel ${kernelName}.`);
  return found.kernelFunc as unknown as WasmKernel;
}

/** Registers every kernel of tfjs-backend-cpu under our name, so that all operations work. */
export function inheritCpuKernels(): void {
  for (const config of getKernelsForBackend('cpu')) {
    registerKernel({ ...config, backendName: WASM_BACKEND });
  }
}

/** Inputs of a kernel that takes a list of tensors. */
export function inputList(call: WasmKernelCall): TensorInfo[] {
  return Object.values(call.inputs) as TensorInfo[];
}
