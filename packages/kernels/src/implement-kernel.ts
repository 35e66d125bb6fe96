import {
  getKernel,
  type KernelConfig,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { type KernelCall, type ReadCall, readerOf } from './read-call.ts';
import type { KernelSpec, Outputs } from './spec.ts';

/** The result, or the results in their order. */
export type Results<S extends KernelSpec> =
  Outputs<S, TensorInfo> extends readonly [infer One] ? One : Outputs<S, TensorInfo>;

/** A kernel of one backend: takes a call that fits the table, returns the outputs of the table. */
export type Implementation<S extends KernelSpec, Backend extends object> = (
  call: Omit<ReadCall<S>, 'backend'> & { readonly backend: Backend },
) => Results<S>;

/** Registers a backend's implementation of a kernel of the table, replacing an earlier one. */
export function implementKernel<S extends KernelSpec, Backend extends object>(
  backendName: string,
  spec: S,
  implementation: Implementation<S, Backend>,
): void {
  const kernelName = spec.name;
  if (getKernel(kernelName, backendName) != null) unregisterKernel(kernelName, backendName);
  const read = readerOf(spec);
  const run = (call: KernelCall): Results<S> =>
    implementation(read(call) as Parameters<Implementation<S, Backend>>[0]);
  registerKernel({ kernelName, backendName, kernelFunc: run as unknown as KernelConfig['kernelFunc'] });
}
