import { registerKernels } from './node-backend/kernels/register-kernels.ts';
import { loadTensorflow } from './node-backend/load-tensorflow.ts';
import { whyNoGpu } from './node-backend/nvidia.ts';
import { TENSORFLOW, tensorflowBackend } from './node-backend/tensorflow-backend.ts';
import { tf } from './tf.ts';
import { threadCount } from './wasm/thread-count.ts';

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
