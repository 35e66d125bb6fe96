import type { KernelCall } from '@moect/kernels';
import {
  getKernel,
  type KernelConfig,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from './backend.ts';

export interface WebgpuKernelCall extends KernelCall {
  readonly backend: MoectWebgpuBackend;
}

export type WebgpuKernel = (call: WebgpuKernelCall) => TensorInfo | TensorInfo[];

/** Registers a kernel for WebGPU, in place of TensorFlow.js's of the same name. */
export function registerWebgpuKernel(kernelName: string, kernel: WebgpuKernel): void {
  if (getKernel(kernelName, 'webgpu') !== undefined) unregisterKernel(kernelName, 'webgpu');
  registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: kernel as unknown as KernelConfig['kernelFunc'],
  });
}
