import { type Extension, InvalidConfigError, MoectError } from '@moect/core';
import { countTokens, type TrainOptions } from '@moect/trainer';
import type { LoadedBase } from '../base/describe-base.ts';
import type { ResolvedRun } from '../config/resolved-run.ts';
import type { DiskEstimate, MemoryEstimate, TrainingPlan } from './estimate.ts';
import { gibibytes } from './format.ts';
import { availableMemory, freeDisk } from './machine.ts';
import { type HeapByBatchSize, probeHeap } from './probe-heap.ts';
import { probeTime } from './probe-time.ts';
import { suggestSmaller } from './suggest.ts';

/** What is planned: a run with everything that it needs in memory. */
export interface PlannedRun {
  readonly run: ResolvedRun;
  readonly base: LoadedBase;
  readonly extension: Extension;
  readonly options: TrainOptions;
}

export interface PlanningOptions {
  /** Measure how long a step takes too. */
  readonly time: boolean;
  /** Bytes that the wasm heap may have. Default: what WebAssembly allows, 4 GiB. */
  readonly heapLimitBytes?: number;
}

const CHECKPOINTS_KEPT = 3;
const FLOAT = 4;
const BYTES_PER_WEIGHT = { float32: 4, bfloat16: 2, int8: 1 } as const;

const sizeOf = (tensors: Iterable<{ readonly size: number }>): number =>
  [...tensors].reduce((sum, { size }) => sum + size, 0);

async function diskEstimate({ run, extension }: PlannedRun): Promise<DiskEstimate> {
  const trained = sizeOf(extension.parameters.values());
  // weights and two moments
  const checkpointBytes = 3 * FLOAT * trained;
  const extensionBytes = (run.extension.dtype === 'bf16' ? 2 : FLOAT) * trained;
  const neededBytes = (CHECKPOINTS_KEPT + 1) * checkpointBytes + extensionBytes;
  return { checkpointBytes, extensionBytes, neededBytes, availableBytes: await freeDisk(run.output) };
}

async function memoryEstimate(
  { base, extension }: PlannedRun,
  heapAt: HeapByBatchSize | null,
  batchSize: number,
  limit?: number,
): Promise<MemoryEstimate> {
  const trained = sizeOf(extension.parameters.values());
  // one copy of what trains, gradients, and two moments
  const leastBytes = BYTES_PER_WEIGHT[base.storage] * base.parameterCount + 4 * FLOAT * trained;
  const availableBytes = availableMemory();
  if (heapAt === null) return { leastBytes, heap: null, moreBytes: leastBytes, availableBytes };
  const { wasmHeapStatistics } = await import('@moect/tensor/wasm');
  const now = wasmHeapStatistics()!;
  const { peakBytes, usedBytes } = heapAt(batchSize);
  return {
    leastBytes,
    heap: { peakBytes, usedBytes, limitBytes: limit ?? now.limitBytes },
    moreBytes: Math.max(0, usedBytes - now.usedBytes),
    availableBytes,
  };
}

/** Heap of a step, or why not even two sequences can be tried. */
async function tryProbe({
  run,
  options,
}: PlannedRun): Promise<{ heapAt: HeapByBatchSize | null; problem: string | null }> {
  try {
    return {
      heapAt: await probeHeap(options, run.data.sequenceLength, run.training.batchSize),
      problem: null,
    };
  } catch (error) {
    if (!MoectError.isInstance(error) || error.name !== 'BackendUnavailableError') throw error;
    return { heapAt: null, problem: `a step on two sequences does not fit: ${error.message}` };
  }
}

function problemsOf({ heap }: MemoryEstimate): string[] {
  if (heap === null || heap.usedBytes <= heap.limitBytes) return [];
  const [need, limit] = [gibibytes(heap.usedBytes), gibibytes(heap.limitBytes)];
  return [`a step takes ${need} of WebAssembly memory, which has at most ${limit}`];
}

function warningsOf({ moreBytes, availableBytes }: MemoryEstimate, disk: DiskEstimate): string[] {
  const warnings: string[] = [];
  if (moreBytes > availableBytes) {
    warnings.push(
      `a step takes ${gibibytes(moreBytes)} more memory, and ${gibibytes(availableBytes)} are free`,
    );
  }
  if (disk.availableBytes !== null && disk.neededBytes > disk.availableBytes) {
    const [need, free] = [gibibytes(disk.neededBytes), gibibytes(disk.availableBytes)];
    warnings.push(`checkpoints and extension take ${need} of disk, and ${free} are free`);
  }
  return warnings;
}

function meanTokens({ data, totalSteps, gradientAccumulation = 1 }: TrainOptions): number {
  const count = Math.min(16, totalSteps * gradientAccumulation);
  const batches = Array.from({ length: count }, (_, counter) => data.batch(counter));
  return (countTokens(batches).tokens / count) * gradientAccumulation;
}

/** Sequences that may be tried for the time: up to a batch, as many as surely fit. */
function mostRows(heapAt: HeapByBatchSize | null, batchSize: number, memory: MemoryEstimate): number {
  if (heapAt === null) return batchSize;
  const room = Math.min(memory.heap!.limitBytes, heapAt(1).usedBytes + memory.availableBytes);
  let rows = batchSize;
  while (rows > 1 && heapAt(rows).usedBytes > room) rows >>= 1;
  return rows;
}

/**
 * Says what a run will take, from the sizes of what it holds and from steps on few sequences that change nothing.
 * See docs/decisions/2026-11-25-planning-a-run.md.
 */
export async function planPrepared(
  planned: PlannedRun,
  { time: withTime, heapLimitBytes }: PlanningOptions,
): Promise<TrainingPlan> {
  const { run, base, extension, options } = planned;
  const { steps, batchSize, accumulation } = run.training;
  const { sequenceLength } = run.data;
  const { heapAt, problem } = await tryProbe(planned);
  const memory = await memoryEstimate(planned, heapAt, batchSize, heapLimitBytes);
  const disk = await diskEstimate(planned);
  const problems = problem === null ? problemsOf(memory) : [problem];
  const tokensPerStep = meanTokens(options);
  const time =
    withTime && problem === null
      ? (await probeTime(options, batchSize, mostRows(heapAt, batchSize, memory))) / 1000
      : null;
  const trainableParameters = sizeOf(extension.parameters.values());
  const shape = {
    ...{ batchSize, accumulation, sequenceLength },
    gradientBytes: FLOAT * trainableParameters,
    mayRecompute: options.recompute !== true,
    mayCompress: base.storage === 'float32' && extension.overrides.size === 0,
  };
  return {
    baseParameters: base.parameterCount,
    trainableParameters,
    steps,
    ...{ batchSize, accumulation, sequenceLength },
    tokensPerStep,
    time:
      time === null
        ? null
        : { secondsPerStep: time, seconds: time * steps, tokensPerSecond: tokensPerStep / time },
    memory,
    disk,
    problems,
    warnings: warningsOf(memory, disk),
    suggestions: suggestSmaller(shape, heapAt, memory.heap?.limitBytes ?? Number.POSITIVE_INFINITY),
  };
}

/**
 * Refuses a run whose steps cannot fit into the memory of WebAssembly, before it leaves anything behind; gives warnings
 * about what may be too little. Throws InvalidConfigError.
 */
export async function checkFits(planned: PlannedRun): Promise<readonly string[]> {
  const { problems, warnings, suggestions } = await planPrepared(planned, { time: false });
  if (problems.length === 0) return warnings;
  throw new InvalidConfigError(
    'The run',
    problems.map((message) => ({ path: 'training', message })),
    `What takes less: ${suggestions.join('; ')}. moect train --plan shows the whole estimate.`,
  );
}
