import { BackendUnavailableError } from '@moect/core';
import { activeBackend } from '@moect/tensor';
import type { TrainOptions } from '@moect/trainer';
import { gibibytes } from '../numbers.ts';
import { runProbeSteps } from './probe-steps.ts';

/** Bytes that a step takes. */
export interface StepDemand {
  /** Most in use at once. */
  readonly peakBytes: number;
  /** Size that the memory grows to, including gaps between blocks or idle buffers in the GPU's pool. */
  readonly usedBytes: number;
}

/** Backend memory of a step, by the number of sequences in a batch. */
export interface StepMemory {
  readonly kind: 'wasm' | 'webgpu';
  readonly at: (batchSize: number) => StepDemand;
  /** Limit of the memory; null if unknown. */
  readonly limitBytes: number | null;
  /** In use now. */
  readonly heldBytes: number;
  /** The memory belongs to the machine and is shared with other programs. */
  readonly isMachines: boolean;
  /** Reason why steps on such a batch, with `moreBytes` besides, cannot run; null if they can. */
  readonly problemAt: (batchSize: number, moreBytes?: number) => string | null;
}

export interface ProbeOptions {
  readonly sequenceLength: number;
  readonly batchSize: number;
  /** Limit in bytes. Default: that of WebAssembly; on a GPU none, because its memory size is unknown. */
  readonly limitBytes?: number | undefined;
}

/** Smallest number of tokens at which loops over blocks of tokens use full-size blocks. */
const LEAST_TOKENS = 256;

/** Runs `trace` on few sequences and on one more; gives both results and the smaller number. */
async function traceTwo<T>(
  options: TrainOptions,
  { sequenceLength, batchSize }: ProbeOptions,
  leastTokens: number,
  trace: (work: () => Promise<unknown>) => Promise<T | null>,
): Promise<{ few: number; one: T; more: T }> {
  // the sum of gradients exists from the second batch of a step on; further batches take no more memory
  const batches = Math.min(options.gradientAccumulation ?? 1, 2);
  const step = (rows: number): Promise<number[]> => runProbeSteps(options, { rows, batches }, () => true);
  const few = Math.min(Math.ceil(leastTokens / sequenceLength), Math.max(1, batchSize - 1));
  // puts the base on the heap or the device, so that both recorded steps find it there
  await step(1);
  const one = (await trace(() => step(few)))!;
  const more = batchSize === 1 ? one : (await trace(() => step(few + 1)))!;
  return { few, one, more };
}

async function onWasm(options: TrainOptions, given: ProbeOptions): Promise<StepMemory> {
  const { extrapolateHeap, traceWasmHeap, wasmHeapStatistics } = await import('@moect/backend-wasm');
  const { few, one, more } = await traceTwo(options, given, LEAST_TOKENS, traceWasmHeap);
  const { limitBytes: most, usedBytes: heldBytes } = wasmHeapStatistics()!;
  const limitBytes = given.limitBytes ?? most;
  const at = (batchSize: number): StepDemand => extrapolateHeap(one, more, batchSize - few);
  const problemAt: StepMemory['problemAt'] = (batchSize, moreBytes = 0) => {
    const need = at(batchSize).usedBytes + moreBytes;
    if (need <= limitBytes) return null;
    const limit = gibibytes(limitBytes);
    return `a step takes ${gibibytes(need)} of WebAssembly memory, which has at most ${limit}`;
  };
  return { kind: 'wasm', at, limitBytes, heldBytes, isMachines: true, problemAt };
}

/** Imports inside `try`, so that bundlers accept its absence; with webgpu active the package is present. */
async function importWebgpuBackend(): Promise<typeof import('@moect/backend-webgpu')> {
  try {
    return await import('@moect/backend-webgpu');
  } catch (cause) {
    const hint = 'Install it: npm install @moect/backend-webgpu';
    throw new BackendUnavailableError(
      'webgpu',
      "the package '@moect/backend-webgpu' is not there",
      hint,
      cause,
    );
  }
}

/** Returns buffers that earlier work left in the pool of the GPU: a run takes buffers of other sizes. */
export async function returnPooledMemory(): Promise<void> {
  if (activeBackend() === 'webgpu') (await importWebgpuBackend()).emptyWebgpuPool();
}

async function onWebgpu(options: TrainOptions, given: ProbeOptions): Promise<StepMemory> {
  const { emptyWebgpuPool, extrapolatePool, traceWebgpuPool, webgpuLogitRows, webgpuMemory } =
    await importWebgpuBackend();
  const leastTokens = Math.max(LEAST_TOKENS, webgpuLogitRows(options.base.vocabSize));
  const { few, one, more } = await traceTwo(options, given, leastTokens, traceWebgpuPool);
  emptyWebgpuPool();
  const { isSoftware, maxTensorBytes, usedBytes: heldBytes } = webgpuMemory()!;
  const limitBytes = given.limitBytes ?? null;
  const at = (batchSize: number): ReturnType<typeof extrapolatePool> =>
    extrapolatePool(one, more, batchSize - few);
  const problemAt: StepMemory['problemAt'] = (batchSize, moreBytes = 0) => {
    const { usedBytes, largestBytes } = at(batchSize);
    const need = usedBytes + moreBytes;
    if (largestBytes > maxTensorBytes) {
      return `a tensor of a step takes ${gibibytes(largestBytes)}, and a buffer of this GPU at most ${gibibytes(maxTensorBytes)}`;
    }
    if (limitBytes === null || need <= limitBytes) return null;
    return `a step takes ${gibibytes(need)} of GPU memory, of which ${gibibytes(limitBytes)} may be used`;
  };
  return { kind: 'webgpu', at, limitBytes, heldBytes, isMachines: isSoftware, problemAt };
}

/**
 * Records steps on few sequences and on one more. For other batch sizes it extrapolates each block of memory by itself
 * and simulates the allocator or the pool on the result, so that a step that would not fit need not run. Weights do not
 * change. null if the backend is neither wasm nor webgpu. Throws BackendUnavailableError if not even the few sequences
 * fit.
 */
export async function probeMemory(options: TrainOptions, given: ProbeOptions): Promise<StepMemory | null> {
  const backend = activeBackend();
  if (backend === 'moect-wasm') return onWasm(options, given);
  return backend === 'webgpu' ? onWebgpu(options, given) : null;
}
