import { type Implementation, implementKernel, type KernelSpec } from '@moect/kernels';
import {
  getKernel,
  type KernelConfig,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from './backend.ts';

export interface WebgpuKernelCall {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
  readonly backend: MoectWebgpuBackend;
}

export type WebgpuKernel = (call: WebgpuKernelCall) => TensorInfo | TensorInfo[];

/** A checked call of a kernel of the table. */
export type WebgpuCall<S extends KernelSpec> = Parameters<Implementation<S, MoectWebgpuBackend>>[0];

/** Registers the WebGPU implementation of a kernel of the table. */
export function implement<S extends KernelSpec>(
  spec: S,
  kernel: Implementation<S, MoectWebgpuBackend>,
): void {
  implementKernel<S, MoectWebgpuBackend>('webgpu', spec, kernel);
}

/** Registers our WebGPU kernel in place of TensorFlow.js's own kernel of the same name. */
export function registerWebgpuKernel(kernelName: string, kernel: WebgpuKernel): void {
  if (getKernel(kernelName, 'webgpu') !== undefined) unregisterKernel(kernelName, 'webgpu');
  registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: kernel as unknown as KernelConfig['kernelFunc'],
  });
}
