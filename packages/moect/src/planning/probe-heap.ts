import { activeBackend } from '@moect/tensor';
import type { HeapDemand } from '@moect/tensor/wasm';
import type { TrainOptions } from '@moect/trainer';
import { runProbeSteps } from './probe-steps.ts';

/** Heap that a step takes, by the number of sequences in its batches. */
export type HeapByBatchSize = (batchSize: number) => HeapDemand;

/** From here on, loops over blocks of tokens take blocks of their full size. */
const LEAST_TOKENS = 256;

/**
 * Records steps on few sequences and on one more; for other batch sizes each block is extrapolated by itself and the
 * allocator replayed on the result, so that a step that would not fit need not run. Weights stay as they are.
 * null where the backend is not wasm. Throws BackendUnavailableError where not even the few sequences fit.
 */
export async function probeHeap(
  options: TrainOptions,
  sequenceLength: number,
  batchSize: number,
): Promise<HeapByBatchSize | null> {
  if (activeBackend() !== 'moect-wasm') return null;
  const { traceWasmHeap, extrapolateHeap } = await import('@moect/tensor/wasm');
  // the sum of gradients is there from the second batch of a step on; further batches take no more
  const batches = Math.min(options.gradientAccumulation ?? 1, 2);
  const step = (rows: number): Promise<number[]> => runProbeSteps(options, { rows, batches }, () => true);
  const few = Math.min(Math.ceil(LEAST_TOKENS / sequenceLength), Math.max(1, batchSize - 1));
  // brings the base onto the heap, so that both recorded steps find it there
  await step(1);
  const one = await traceWasmHeap(() => step(few));
  const more = batchSize === 1 ? one : await traceWasmHeap(() => step(few + 1));
  if (one === null || more === null) return null;
  return (batchSize) => extrapolateHeap(one, more, batchSize - few);
}
