import '@moect/kernels/tfjs-gradients';
import { threadCount } from '@moect/kernels/host';
import * as tf from '@tensorflow/tfjs-core';
import { installedPackages } from './find-package.ts';
import { registerKernels } from './kernels/register-kernels.ts';
import { loadTensorflow } from './load-tensorflow.ts';
import { gpuObstacle, lookForNvidia, nvidiaState, whyNoGpu } from './nvidia.ts';
import { TENSORFLOW, tensorflowBackend } from './tensorflow-backend.ts';

export { tensorflowObstacle } from './find-package.ts';

export interface NodeBackendInfo {
  /** The package that does the work. */
  readonly package: string;
  /** TensorFlow's version. */
  readonly tensorflow: string;
  readonly device: 'gpu' | 'cpu';
  /** For people: why a package for GPUs computes on the CPU, or does not load. */
  readonly noGpu?: string;
  /** Of products on the CPU; fixed when TensorFlow is loaded. */
  readonly threads: number;
}

/**
 * Makes TensorFlow's own kernels the active backend: tfjs-node-gpu where it is installed and loads, else tfjs-node.
 * @param options `threads` counts for the first call in a process; TF_NUM_INTRAOP_THREADS goes before it
 * @throws BackendUnavailableError, saying what is missing and how to get it
 */
export async function useNode(
  options: { readonly threads?: number | 'auto' } = {},
): Promise<NodeBackendInfo> {
  const { from, problems } = loadTensorflow(threadCount(options.threads));
  registerKernels();
  await tf.setBackend(TENSORFLOW);
  await tf.ready();
  const { binding, isUsingGpuDevice } = tensorflowBackend();
  const reasons = from.isForGpu && !isUsingGpuDevice ? [whyNoGpu(binding.TF_Version)] : problems;
  return {
    package: `${from.name} ${from.version}`,
    tensorflow: binding.TF_Version,
    device: isUsingGpuDevice ? 'gpu' : 'cpu',
    ...(reasons.length === 0 ? {} : { noGpu: reasons.join('; ') }),
    threads: Number(process.env['TF_NUM_INTRAOP_THREADS']),
  };
}

/** What `auto` weighs TensorFlow with, without loading it. */
export interface TensorflowCandidate {
  /** What its speed depends on. */
  readonly fingerprint: string;
  /** For people: why it is without a GPU that it could use. */
  readonly noGpu?: string | undefined;
}

/** TensorFlow as it is installed here; undefined where none with its compiled part is. */
export function tensorflowCandidate(): TensorflowCandidate | undefined {
  const ready = installedPackages().filter(({ hasAddon }) => hasAddon);
  if (ready.length === 0) return undefined;
  const names = ready.map(({ name, version }) => `${name} ${version}`).join(', ');
  if (!ready.some(({ isForGpu }) => isForGpu)) return { fingerprint: names };
  const nvidia = lookForNvidia();
  return { fingerprint: `${names}, ${nvidiaState(nvidia)}`, noGpu: gpuObstacle(nvidia) };
}
