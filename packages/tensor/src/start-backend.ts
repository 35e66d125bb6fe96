import type { WasmBackendOptions } from '@moect/backend-wasm';
import { BackendUnavailableError } from '@moect/core';
import type { BackendInfo, BackendName } from './backend-info.ts';
import { importNode, importWebgpu } from './optional-backends.ts';
import { tf } from './tf.ts';

async function useWasm(options: WasmBackendOptions): Promise<BackendInfo> {
  const { registerWasmBackend } = await import('@moect/backend-wasm');
  const info = await registerWasmBackend(options);
  await tf.setBackend('moect-wasm');
  await tf.ready();
  const { threads, threadsNote } = info;
  const simd = `${info.relaxedSimd ? 'relaxed SIMD' : 'SIMD'}${info.wideVectors ? ' of 256 bits' : ''}`;
  const note = threadsNote === undefined ? '' : ` (${threadsNote})`;
  const detail = `WebAssembly, ${simd}, ${threads} thread${threads === 1 ? '' : 's'}${note}`;
  return { name: 'wasm', device: 'cpu', threads, detail };
}

/** Smallest gain that `detail` mentions. */
const GAIN = 1.1;

async function useWebgpu(): Promise<BackendInfo> {
  const { registerWebgpuBackend } = await importWebgpu();
  const { description, isSoftware, products, float16Gain = 1 } = await registerWebgpuBackend();
  await tf.setBackend('webgpu');
  await tf.ready();
  const gain =
    float16Gain < GAIN
      ? ''
      : `; with MOECT_WEBGPU_PRODUCTS=float16 those with frozen weights ${float16Gain.toFixed(1)} times as fast, rounded to float16`;
  const note = isSoftware
    ? ' (a software adapter: for tests; wasm is faster)'
    : `, products in ${products.float32}${gain}`;
  const device = isSoftware ? 'cpu' : 'gpu';
  return { name: 'webgpu', device, threads: 1, detail: `WebGPU, ${description}${note}` };
}

async function useTensorflow({ threads }: WasmBackendOptions): Promise<BackendInfo> {
  const { useNode } = await importNode();
  const info = await useNode(threads === undefined ? {} : { threads });
  const { device, threads: count } = info;
  const where = device === 'gpu' ? 'the GPU' : `the CPU, ${count} thread${count === 1 ? '' : 's'}`;
  const note = info.noGpu === undefined ? '' : `: ${info.noGpu}`;
  const detail = `TensorFlow ${info.tensorflow} on ${where} (${info.package}${note})`;
  return { name: 'node', device, threads: count, detail };
}

/** Makes one backend the active one. @throws BackendUnavailableError, saying why and what to do */
export async function startBackend(name: BackendName, options: WasmBackendOptions): Promise<BackendInfo> {
  if (name === 'cpu') {
    await (await import('./cpu.ts')).useCpu();
    const detail = 'plain JavaScript, as asked for: slow, for tests';
    return { name: 'cpu', device: 'cpu', threads: 1, detail };
  }
  if (name === 'webgpu') return useWebgpu();
  if (name === 'node') return useTensorflow(options);
  try {
    return await useWasm(options);
  } catch (cause) {
    if (cause instanceof BackendUnavailableError) {
      // it knows the reason, and calls the backend by TensorFlow.js's name
      const hint = `${cause.hint} '--backend cpu' runs anywhere, slowly.`;
      throw new BackendUnavailableError('wasm', cause.reason, hint, cause);
    }
    throw new BackendUnavailableError(
      'wasm',
      `WebAssembly with SIMD did not start (${(cause as Error).message})`,
      "Use Node 20 or newer or a current browser; '--backend cpu' runs anywhere, slowly.",
      cause,
    );
  }
}
