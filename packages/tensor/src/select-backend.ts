import { BackendUnavailableError } from '@moect/core';
import { tf } from './tf.ts';
import type { WasmBackendOptions } from './wasm.ts';

export const BACKEND_NAMES = ['node', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface BackendInfo {
  readonly name: BackendName;
  readonly threads: number;
  /** For people: what was chosen and why. */
  readonly detail: string;
}

async function useWasm(options: WasmBackendOptions): Promise<BackendInfo> {
  const { registerWasmBackend } = await import('./wasm.ts');
  const info = await registerWasmBackend(options);
  await tf.setBackend('moect-wasm');
  await tf.ready();
  const { threads, threadsNote } = info;
  const simd = info.relaxedSimd ? 'relaxed SIMD' : 'SIMD';
  const note = threadsNote === undefined ? '' : ` (${threadsNote})`;
  const detail = `WebAssembly, ${simd}, ${threads} thread${threads === 1 ? '' : 's'}${note}`;
  return { name: 'wasm', threads, detail };
}

async function useWebgpu(): Promise<BackendInfo> {
  const { registerWebgpuBackend } = await import('./webgpu.ts');
  const { description, isSoftware } = await registerWebgpuBackend();
  await tf.setBackend('webgpu');
  await tf.ready();
  const note = isSoftware ? ' (a software adapter: for tests; wasm is faster)' : '';
  return { name: 'webgpu', threads: 1, detail: `WebGPU, ${description}${note}` };
}

async function useTensorflow({ threads }: WasmBackendOptions): Promise<BackendInfo> {
  const { useNode } = await import('./node.ts');
  const info = await useNode(threads === undefined ? {} : { threads });
  const device =
    info.device === 'gpu' ? 'a GPU' : `the CPU, ${info.threads} thread${info.threads === 1 ? '' : 's'}`;
  const detail = `TensorFlow ${info.tensorflow} on ${device} (${info.package})`;
  return { name: 'node', threads: info.threads, detail };
}

/**
 * Makes a backend the active one. `auto` takes wasm, on all cores unless `threads` or MOECT_THREADS says otherwise.
 * The options are for wasm.
 * Throws BackendUnavailableError, saying why and what to do.
 */
export async function selectBackend(
  name: BackendName | 'auto' = 'auto',
  options: WasmBackendOptions = {},
): Promise<BackendInfo> {
  if (name === 'cpu') {
    await (await import('./cpu.ts')).useCpu();
    return { name: 'cpu', threads: 1, detail: 'plain JavaScript, as asked for: slow, for tests' };
  }
  if (name === 'webgpu') return useWebgpu();
  if (name === 'node') return useTensorflow(options);
  try {
    return await useWasm(options);
  } catch (cause) {
    throw new BackendUnavailableError(
      'wasm',
      `WebAssembly with SIMD did not start (${(cause as Error).message})`,
      "Use Node 20 or newer or a current browser; '--backend cpu' runs anywhere, slowly.",
      cause,
    );
  }
}

/** TensorFlow.js's name of the backend in use. */
export function activeBackend(): string {
  return tf.getBackend();
}
