import { BackendUnavailableError } from '@moect/core';
import { activeBackend } from '@moect/tensor';
import type { TrainOptions } from '@moect/trainer';
import { gibibytes } from '../numbers.ts';
import { runProbeSteps } from './probe-steps.ts';

/** Bytes that a step takes. */
export interface StepDemand {
  /** Most in use at once. */
  readonly peakBytes: number;
  /** What the memory grows to: with the gaps between blocks, or the buffers that wait in the GPU's pool. */
  readonly usedBytes: number;
}

/** What steps take of the memory of the backend, by the number of sequences in a batch. */
export interface StepMemory {
  readonly kind: 'wasm' | 'webgpu';
  readonly at: (batchSize: number) => StepDemand;
  /** What there can be; null where nobody says. */
  readonly limitBytes: number | null;
  /** In use now. */
  readonly heldBytes: number;
  /** The memory is the machine's, which other programs use too. */
  readonly isMachines: boolean;
  /** Why steps on such a batch cannot run, with so many bytes besides; null where they can. */
  readonly problemAt: (batchSize: number, moreBytes?: number) => string | null;
}

export interface ProbeOptions {
  readonly sequenceLength: number;
  readonly batchSize: number;
  /** Bytes to stay within. Default: what WebAssembly allows; on a GPU none, for it does not tell how much it has. */
  readonly limitBytes?: number | undefined;
}

/** From here on, loops over blocks of tokens take blocks of their full size. */
const LEAST_TOKENS = 256;

/** Runs `trace` on few sequences and on one more; gives both results and the few. */
async function traceTwo<T>(
  options: TrainOptions,
  { sequenceLength, batchSize }: ProbeOptions,
  leastTokens: number,
  trace: (work: () => Promise<unknown>) => Promise<T | null>,
): Promise<{ few: number; one: T; more: T }> {
  // the sum of gradients is there from the second batch of a step on; further batches take no more
  const batches = Math.min(options.gradientAccumulation ?? 1, 2);
  const step = (rows: number): Promise<number[]> => runProbeSteps(options, { rows, batches }, () => true);
  const few = Math.min(Math.ceil(leastTokens / sequenceLength), Math.max(1, batchSize - 1));
  // brings the base onto the heap or the device, so that both recorded steps find it there
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

/** Inside `try`, so that bundlers go on where the optional package is absent; with webgpu active it is there. */
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
 * Records steps on few sequences and on one more; for other batch sizes each block of memory is extrapolated by itself
 * and the allocator or the pool replayed on the result, so that a step that would not fit need not run. Weights stay as
 * they are. null where the backend is neither wasm nor webgpu. Throws BackendUnavailableError where not even the few
 * sequences fit.
 */
export async function probeMemory(options: TrainOptions, given: ProbeOptions): Promise<StepMemory | null> {
  const backend = activeBackend();
  if (backend === 'moect-wasm') return onWasm(options, given);
  return backend === 'webgpu' ? onWebgpu(options, given) : null;
}
