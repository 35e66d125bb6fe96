import { BackendUnavailableError } from '@moect/core';
import { nodeBuiltin } from '@moect/kernels/host';
import { installedPackages, type TensorflowPackage, tensorflowObstacle } from './find-package.ts';

/** How to install TensorFlow, with the requirements of its packages. */
const HINT = [
  'On any machine: npm install @tensorflow/tfjs-node.',
  'With an NVIDIA GPU: npm install @tensorflow/tfjs-node-gpu, which wants CUDA 11.2 and cuDNN 8.1.',
  "In a checkout of moect, or where their download fails: 'npm run setup:node-backend' builds the first,",
  "'npm run setup:node-backend -- --gpu' the second with CUDA 12.5 and cuDNN 9.3, which wants an NVIDIA driver only,",
  '525 or newer (Hopper: 545).',
].join(' ');

const unavailable = (reason: string, cause?: unknown): BackendUnavailableError =>
  new BackendUnavailableError('node', reason, HINT, cause);

/** Node 23 removed two functions that tfjs-node 4.22 calls. */
function repairUtil(): void {
  const util = nodeBuiltin<Record<string, unknown>>('node:util')!;
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}

/** TensorFlow reads these variables when it starts. Values that the user has set stay. */
function setDefaults(threads: number): void {
  // without it TensorFlow takes the memory of the whole GPU
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
}

export interface LoadedTensorflow {
  readonly from: TensorflowPackage;
  /** For people: why a preferred package was passed over. */
  readonly problems: readonly string[];
}

let loaded: LoadedTensorflow | undefined;

/**
 * Loads tfjs-node-gpu, else tfjs-node; once in a process.
 * @param threads number of threads for products on the CPU
 * @throws BackendUnavailableError, saying what is missing and how to get it
 */
export function loadTensorflow(threads: number): LoadedTensorflow {
  if (loaded !== undefined) return loaded;
  const obstacle = tensorflowObstacle();
  if (obstacle !== undefined) throw unavailable(obstacle);
  repairUtil();
  setDefaults(threads);
  const problems: string[] = [];
  let cause: unknown;
  for (const one of installedPackages()) {
    if (!one.hasAddon) continue;
    try {
      one.load();
      loaded = { from: one, problems };
      return loaded;
    } catch (error) {
      cause = error;
      problems.push(`${one.name} does not load (${(error as Error).message.split('\n')[0]})`);
    }
  }
  throw unavailable(problems.join('; '), cause);
}
