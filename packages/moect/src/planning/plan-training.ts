import { MoectError } from '@moect/core';
import { countParameters } from '@moect/freeze';
import { activeBackend, keepsCompressed } from '@moect/tensor';
import { countTokens, type TrainOptions } from '@moect/trainer';
import { gibibytes } from '../numbers.ts';
import type { PreparedRun } from '../training/prepare-run.ts';
import { probeMemory, type StepMemory } from './probe-memory.ts';
import { probeTime } from './probe-time.ts';
import { suggestSmaller } from './suggest.ts';
import type { DiskEstimate, MemoryEstimate, TrainingPlan } from './training-plan.ts';
import { holdsWideMatrices, weightBytes } from './weight-bytes.ts';

/** The run to plan, with everything that it needs in memory. */
type PlannedRun = Pick<
  PreparedRun,
  'run' | 'base' | 'extension' | 'options' | 'input' | 'statesBytes' | 'frame'
>;

export interface PlanningOptions {
  /** Measure the time of a step too. */
  readonly time: boolean;
  /** Limit on the backend's memory, bytes. Default: 4 GiB on wasm, on webgpu the configured limit. */
  readonly limitBytes?: number | undefined;
  /** Folder of the run. Default: none; the run then needs no disk. */
  readonly output?: string | undefined;
}

const CHECKPOINTS_KEPT = 3;
const FLOAT = 4;

async function diskEstimate(
  { run, base, extension, statesBytes }: PlannedRun,
  output: string | undefined,
): Promise<DiskEstimate> {
  const trained = countParameters(extension.parameters);
  // weights and two moments
  const checkpointBytes = 3 * FLOAT * trained;
  const extensionBytes = (run.extension.dtype === 'bf16' ? 2 : FLOAT) * trained;
  const neededBytes = (CHECKPOINTS_KEPT + 1) * checkpointBytes + extensionBytes + statesBytes;
  const availableBytes = output === undefined ? null : await base.platform.freeDisk(output);
  return { checkpointBytes, extensionBytes, statesBytes, neededBytes, availableBytes };
}

function memoryEstimate({ run, base, extension }: PlannedRun, memory: StepMemory | null): MemoryEstimate {
  const trained = countParameters(extension.parameters);
  // one copy of the trained weights, gradients, and two moments
  const leastBytes = weightBytes(base.model.parameters) + 4 * FLOAT * trained;
  const availableBytes = base.platform.availableMemory();
  if (memory === null) return { leastBytes, heap: null, gpu: null, moreBytes: leastBytes, availableBytes };
  const { kind, limitBytes, heldBytes, isMachines } = memory;
  const { peakBytes, usedBytes } = memory.at(run.training.batchSize);
  return {
    leastBytes,
    heap: kind === 'wasm' ? { peakBytes, usedBytes, limitBytes: limitBytes! } : null,
    gpu: kind === 'webgpu' ? { peakBytes, usedBytes, limitBytes } : null,
    moreBytes: isMachines ? Math.max(0, usedBytes - heldBytes) : 0,
    availableBytes,
  };
}

/** Memory of a step, or the reason why not even few sequences can be tried. */
export interface TriedSteps {
  readonly steps: StepMemory | null;
  readonly problem: string | null;
}

/** Tries steps on few sequences. */
export async function tryProbe(
  { run, options, input }: PlannedRun,
  limitBytes: number | undefined,
): Promise<TriedSteps> {
  const { batchSize } = run.training;
  const size = { sequenceLength: run.data.sequenceLength, batchSize };
  const gpuLimit = activeBackend() === 'webgpu' ? input.gpuMemoryBytes : undefined;
  try {
    const steps = await probeMemory(options, { ...size, limitBytes: limitBytes ?? gpuLimit });
    return { steps, problem: steps?.problemAt(batchSize) ?? null };
  } catch (error) {
    if (!MoectError.isInstance(error) || error.name !== 'BackendUnavailableError') throw error;
    return { steps: null, problem: `a step on few sequences does not fit: ${error.message}` };
  }
}

function warningsOf({ moreBytes, availableBytes }: MemoryEstimate, disk: DiskEstimate): string[] {
  const warnings: string[] = [];
  if (availableBytes !== null && moreBytes > availableBytes) {
    warnings.push(
      `a step takes ${gibibytes(moreBytes)} more memory, and ${gibibytes(availableBytes)} are free`,
    );
  }
  if (disk.availableBytes !== null && disk.neededBytes > disk.availableBytes) {
    const [need, free] = [gibibytes(disk.neededBytes), gibibytes(disk.availableBytes)];
    warnings.push(`checkpoints, extension and hidden states take ${need} of disk, and ${free} are free`);
  }
  return warnings;
}

function meanTokens({ data, totalSteps, gradientAccumulation = 1 }: TrainOptions): number {
  const count = Math.min(16, totalSteps * gradientAccumulation);
  const batches = Array.from({ length: count }, (_, counter) => data.batch(counter));
  return (countTokens(batches).tokens / count) * gradientAccumulation;
}

/** Number of sequences that fit for timing, at most a batch. */
function mostRows(steps: StepMemory | null, batchSize: number, { availableBytes }: MemoryEstimate): number {
  if (steps === null) return batchSize;
  const room =
    steps.isMachines && availableBytes !== null
      ? steps.at(1).usedBytes + availableBytes
      : Number.POSITIVE_INFINITY;
  let rows = batchSize;
  while (rows > 1 && (steps.problemAt(rows) !== null || steps.at(rows).usedBytes > room)) rows >>= 1;
  return rows;
}

/**
 * The plan of a run, from the sizes of its parameters and from steps on few sequences that change nothing.
 * See docs/decisions/2026-11-25-planning-a-run.md.
 */
export async function planTried(
  planned: PlannedRun,
  { steps: stepMemory, problem }: TriedSteps,
  { time: withTime, output }: Pick<PlanningOptions, 'time' | 'output'>,
): Promise<Omit<TrainingPlan, 'chosen' | 'evaluation'>> {
  const { run, base, extension, options } = planned;
  const { steps, batchSize, accumulation } = run.training;
  const { sequenceLength } = run.data;
  const memory = memoryEstimate(planned, stepMemory);
  const disk = await diskEstimate(planned, output);
  const tokensPerStep = meanTokens(options);
  // a step that cannot run as a whole is timed on fewer sequences
  const isTried = stepMemory !== null || problem === null;
  const time =
    withTime && isTried
      ? (await probeTime(options, batchSize, mostRows(stepMemory, batchSize, memory))) / 1000
      : null;
  const trainableParameters = countParameters(extension.parameters);
  const shape = {
    ...{ batchSize, accumulation, sequenceLength },
    gradientBytes: FLOAT * trainableParameters,
    mayRecompute: options.recompute !== true,
    mayCompress:
      keepsCompressed() && holdsWideMatrices(base.model.parameters) && extension.overrides.size === 0,
  };
  return {
    baseParameters: base.parameterCount,
    trainableParameters,
    steps,
    ...{ batchSize, accumulation, sequenceLength },
    frame: planned.frame,
    tokensPerStep,
    time:
      time === null
        ? null
        : { secondsPerStep: time, seconds: time * steps, tokensPerSecond: tokensPerStep / time },
    memory,
    disk,
    problems: problem === null ? [] : [problem],
    warnings: warningsOf(memory, disk),
    suggestions: suggestSmaller(shape, stepMemory),
  };
}
