import type { WasmBackendOptions } from '@moect/backend-wasm';
import { environmentChoice, threadCount } from '@moect/kernels/host';
import { chooseBackend } from './auto/choose-backend.ts';
import { BACKEND_NAMES, type BackendInfo, type BackendName } from './backend-info.ts';
import { startBackend } from './start-backend.ts';
import { tf } from './tf.ts';

/** The backend that MOECT_BACKEND names for `auto`. */
const automatic = (): BackendName | 'auto' =>
  environmentChoice('MOECT_BACKEND', ['auto', ...BACKEND_NAMES], 'The backend') ?? 'auto';

/**
 * Makes a backend the active one. `auto` takes the one that the environment variable MOECT_BACKEND names, else a GPU
 * with CUDA or WebGPU, else the faster of TensorFlow on the CPU and wasm, by a measurement of about a second that is
 * kept in the user's cache folder. It takes neither software adapters of WebGPU nor `cpu`. `detail` reports the
 * measurement, or why there is no GPU.
 * @param options for wasm; `threads`, by default MOECT_THREADS or all cores, also for `node`
 * @throws BackendUnavailableError, saying why and what to do
 */
export async function selectBackend(
  name: BackendName | 'auto' = 'auto',
  options: WasmBackendOptions = {},
): Promise<BackendInfo> {
  const wanted = name === 'auto' ? automatic() : name;
  if (wanted !== 'auto') return startBackend(wanted, options);
  return chooseBackend((one) => startBackend(one, options), threadCount(options.threads));
}

/** TensorFlow.js's name of the backend in use. */
export function activeBackend(): string {
  return tf.getBackend();
}
