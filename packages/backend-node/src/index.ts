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
  /** The package that computes. */
  readonly package: string;
  /** TensorFlow's version. */
  readonly tensorflow: string;
  readonly device: 'gpu' | 'cpu';
  /** For people: why a package for GPUs computes on the CPU, or does not load. */
  readonly noGpu?: string;
  /** Threads of products on the CPU; fixed when TensorFlow is loaded. */
  readonly threads: number;
}

/**
 * Makes TensorFlow's own kernels the active backend: tfjs-node-gpu where it is installed and loads, else tfjs-node.
 * @param options `threads` counts for the first call in a process; TF_NUM_INTRAOP_THREADS overrides it
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

/** Facts of TensorFlow for `auto`, found without loading it. */
export interface TensorflowCandidate {
  /** Names everything that its speed depends on. */
  readonly fingerprint: string;
  /** For people: why it uses no GPU, if it supports GPUs. */
  readonly noGpu?: string | undefined;
}

/** The installed TensorFlow; undefined where none is installed with its compiled part. */
export function tensorflowCandidate(): TensorflowCandidate | undefined {
  const ready = installedPackages().filter(({ hasAddon }) => hasAddon);
  if (ready.length === 0) return undefined;
  const names = ready.map(({ name, version }) => `${name} ${version}`).join(', ');
  if (!ready.some(({ isForGpu }) => isForGpu)) return { fingerprint: names };
  const nvidia = lookForNvidia();
  return { fingerprint: `${names}, ${nvidiaState(nvidia)}`, noGpu: gpuObstacle(nvidia) };
}
