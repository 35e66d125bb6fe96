import { BackendUnavailableError } from '@moect/core';
import { threadCount, warnOfOtherCore } from '@moect/kernels/host';
import { engine, registerBackend, removeBackend, setBackend, version_core } from '@tensorflow/tfjs-core';
import { MoectWasmBackend, WASM_BACKEND } from './backend.ts';
import { registerFusedKernels } from './fused/register-fused.ts';
import { inheritCpuKernels } from './kernel.ts';
import { registerKernels } from './kernels/register-kernels.ts';
import { Runtime } from './runtime.ts';
import { wantsWide } from './wide-vectors.ts';

export interface WasmBackendOptions {
  /**
   * Threads, the calling one included; `'auto'` is all cores, at most 16. Default: the environment variable
   * MOECT_THREADS, else `'auto'`. One thread where threads are not possible; `threadsNote` then says why.
   */
  readonly threads?: number | 'auto';
  /** False keeps to plain SIMD. Default: relaxed SIMD (fused multiply-add) where the runtime has it. */
  readonly relaxedSimd?: boolean;
  /**
   * False keeps to 128-bit instructions. Default: unless the environment variable MOECT_WIDE_VECTORS is 0, 256-bit
   * instructions where the engine can be told to make them (Node 24 to 26 on x64). The results are the same bits.
   */
  readonly wideVectors?: boolean;
  /** True gives the same bits on every machine (plain SIMD). */
  readonly deterministic?: boolean;
  /**
   * True watches every tensor for being forgotten without dispose (`tf.memory().leakedTensors`), at half a microsecond
   * each. Default: only those from 64 KiB on. Either way the memory of a forgotten one is freed when JavaScript's
   * garbage collector finds it, which may take long.
   */
  readonly reportLeaks?: boolean;
  /** Limit of the memory. Default: 4 GiB, all that 32-bit WebAssembly reaches. */
  readonly maxMemoryBytes?: number;
  /**
   * Browsers: makes a worker that runs the module `@moect/backend-wasm/thread`, for pages whose content security policy
   * allows no workers from `blob:`.
   */
  readonly createWorker?: () => Worker;
}

export interface WasmBackendInfo {
  readonly name: 'moect-wasm';
  readonly threads: number;
  /** Why there is one thread where more were asked for. */
  readonly threadsNote: string | undefined;
  readonly relaxedSimd: boolean;
  /** Whether the kernels run with 256-bit instructions. */
  readonly wideVectors: boolean;
  /** Size of the wasm memory, used or not. */
  readonly memoryBytes: number;
}

interface Active {
  readonly options: WasmBackendOptions;
  readonly key: string;
  readonly backend: Promise<MoectWasmBackend>;
}

let active: Active | undefined;

function keyOf({
  threads,
  deterministic,
  relaxedSimd,
  wideVectors,
  reportLeaks,
  maxMemoryBytes,
}: WasmBackendOptions): string {
  const plain = deterministic === true || relaxedSimd === false;
  return [threadCount(threads), plain, wantsWide(wideVectors), reportLeaks === true, maxMemoryBytes].join(
    ' ',
  );
}

function start(options: WasmBackendOptions): Active {
  const threads = threadCount(options.threads);
  const backend = Runtime.create({ ...options, threads }).then(
    (runtime) => new MoectWasmBackend(runtime, options.reportLeaks === true),
  );
  return { options, key: keyOf(options), backend };
}

/** The backend; a new one with the same options where TensorFlow.js has disposed the last (`tf.engine().reset()`). */
async function running(): Promise<MoectWasmBackend> {
  active ??= start({});
  const current = active;
  const backend = await current.backend;
  if (!backend.isDisposed) return backend;
  if (active === current) active = start(current.options);
  return running();
}

function describe(backend: MoectWasmBackend): WasmBackendInfo {
  const { threads, threadsNote, relaxedSimd, wideVectors, memoryBytes } = backend.runtime;
  return { name: WASM_BACKEND, threads, threadsNote, relaxedSimd, wideVectors, memoryBytes };
}

let kernelsRegistered = false;

/** Registers the kernels and the backend factory. Called by importing `@moect/backend-wasm`. */
export function installWasmBackend(): void {
  if (!kernelsRegistered) {
    kernelsRegistered = true;
    warnOfOtherCore(version_core);
    inheritCpuKernels();
    registerKernels();
    registerFusedKernels();
  }
  if (engine().registryFactory[WASM_BACKEND] !== undefined) return;
  registerBackend(WASM_BACKEND, running, 2);
}

/** Removes the backend from TensorFlow.js, so that one with other options can replace it. */
async function remove(old: MoectWasmBackend): Promise<void> {
  const tensors = old.numDataIds();
  if (tensors > 0 && !old.isDisposed) {
    throw new BackendUnavailableError(
      WASM_BACKEND,
      `its options cannot change while it holds ${tensors} tensors`,
      'Dispose them first, or register the backend with these options before anything else.',
    );
  }
  active = undefined;
  const wasActive = engine().backendName === WASM_BACKEND;
  removeBackend(WASM_BACKEND);
  // tfjs disposes only a backend that was the active one once
  old.dispose();
  if (wasActive) await setBackend('cpu');
}

/**
 * Makes the backend 'moect-wasm' ready for `tf.setBackend('moect-wasm')`. A second call with the same options
 * keeps the backend; a call with other options replaces it, and it must hold no tensors then.
 * @throws BackendUnavailableError where wasm SIMD is missing
 */
export async function registerWasmBackend(options: WasmBackendOptions = {}): Promise<WasmBackendInfo> {
  installWasmBackend();
  if (active !== undefined && (active.key === keyOf(options) || Object.keys(options).length === 0)) {
    return describe(await running());
  }
  if (active !== undefined) await remove(await active.backend);
  active = start(options);
  installWasmBackend();
  return describe(await running());
}
