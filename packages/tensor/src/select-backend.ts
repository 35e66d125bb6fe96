import { BackendUnavailableError } from '@moect/core';
import { tf } from './tf.ts';

export type BackendName = 'wasm' | 'cpu';

export interface BackendInfo {
  readonly name: BackendName;
  readonly threads: number;
  /** For people: what was chosen and why. */
  readonly detail: string;
}

async function useWasm(threads: number | undefined): Promise<BackendInfo> {
  const { registerWasmBackend } = await import('./wasm.ts');
  const info = await registerWasmBackend(threads === undefined ? {} : { threads });
  await tf.setBackend('moect-wasm');
  await tf.ready();
  const simd = info.relaxedSimd ? 'relaxed SIMD' : 'SIMD';
  return { name: 'wasm', threads: info.threads, detail: `WebAssembly, ${simd}, ${info.threads} thread(s)` };
}

/**
 * Makes a backend the active one. `auto` takes wasm.
 * Throws BackendUnavailableError, saying why and what to do.
 */
export async function selectBackend(
  name: BackendName | 'auto' = 'auto',
  options: { readonly threads?: number } = {},
): Promise<BackendInfo> {
  if (name === 'cpu') {
    await (await import('./cpu.ts')).useCpu();
    return { name: 'cpu', threads: 1, detail: 'plain JavaScript, as asked for: slow, for tests' };
  }
  try {
    return await useWasm(options.threads);
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
