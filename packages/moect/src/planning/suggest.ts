import { duration, gibibytes } from '../numbers.ts';
import type { StepMemory } from './probe-memory.ts';

export interface RunShape {
  readonly batchSize: number;
  readonly accumulation: number;
  readonly sequenceLength: number;
  readonly baseParameters: number;
  readonly trainableParameters: number;
  /** Layers with experts. */
  readonly branches: number;
  /** Time of the whole run; null if not measured. */
  readonly seconds: number | null;
  /** A full sum of the gradients, which accumulation holds beside those of one batch. */
  readonly gradientBytes: number;
  /** Recomputation is off. */
  readonly mayRecompute: boolean;
  /** Memory with recomputation, where it was tried. */
  readonly recomputed: StepMemory | null;
  /** The base is in float32 and none of it trains. */
  readonly mayCompress: boolean;
}

interface Way {
  /** Flags of `moect train`, and the settings of a file where they are not named alike. */
  readonly flags: string;
  /** What it does, without what it takes. */
  readonly does: string;
  /** Bytes of a step; null if unknown. */
  readonly bytes: number | null;
  /** Time as a multiple of the run's. */
  readonly times: number;
  readonly fits: boolean;
}

/** Training, gradients and both moments of a float32 weight. */
const BYTES_PER_TRAINED = 16;

/** The forward pass again, beside the forward and the twice as long way back. */
const RECOMPUTED_TIME = 4 / 3;

/** The largest batch that divides the given one and fits; null if none does. */
export function largestFitting(
  { batchSize, accumulation, gradientBytes }: Pick<RunShape, 'batchSize' | 'accumulation' | 'gradientBytes'>,
  memory: StepMemory,
): number | null {
  const extra = accumulation === 1 ? gradientBytes : 0;
  for (let parts = 2; parts <= batchSize; parts++) {
    if (batchSize % parts !== 0) continue;
    if (memory.problemAt(batchSize / parts, extra) === null) return batchSize / parts;
  }
  return null;
}

function smallerBatch(shape: RunShape, memory: StepMemory): Way[] {
  const fitting = largestFitting(shape, memory);
  if (fitting === null) return [];
  const batches = (shape.batchSize / fitting) * shape.accumulation;
  const extra = shape.accumulation === 1 ? shape.gradientBytes : 0;
  const flags =
    `--batch-size ${fitting} --accumulation ${batches} ` +
    `(training.batchSize: ${fitting}, training.accumulation: ${batches})`;
  const bytes = memory.at(fitting).usedBytes + extra;
  return [{ flags, does: 'trains the same', bytes, times: 1, fits: true }];
}

function recomputation({ mayRecompute, recomputed, batchSize }: RunShape, used: number | null): Way[] {
  if (!mayRecompute) return [];
  const bytes = recomputed?.at(batchSize).usedBytes ?? null;
  const fits = recomputed !== null && recomputed.problemAt(batchSize) === null;
  const does = `same bits, a third more time${bytes === null && used !== null ? `, below ${gibibytes(used)}` : ''}`;
  return [{ flags: '--recompute (training.recompute: true)', does, bytes, times: RECOMPUTED_TIME, fits }];
}

/** Ways whose memory follows from the bytes that they do not take, or from a smaller batch. */
function others(shape: RunShape, memory: StepMemory | null, used: number | null): Way[] {
  const { batchSize, sequenceLength, branches, baseParameters, trainableParameters } = shape;
  const limit = memory?.limitBytes ?? null;
  const way = (flags: string, does: string, bytes: number | null, times = 1): Way => {
    return { flags, does, bytes, times, fits: bytes !== null && (limit === null || bytes <= limit) };
  };
  const less = (bytes: number): number | null => (used === null ? null : Math.max(0, used - bytes));
  const ways: Way[] = [];
  if (shape.mayCompress) {
    const flags = '--base-storage bfloat16 (baseStorage: bfloat16)';
    ways.push(way(flags, 'halves the frozen weights', less(2 * baseParameters)));
  }
  if (sequenceLength > 128) {
    const flags = `--sequence-length ${sequenceLength >> 1} (data.sequenceLength: ${sequenceLength >> 1})`;
    const bytes = memory !== null && batchSize > 1 ? memory.at(batchSize >> 1).usedBytes : null;
    ways.push(way(flags, 'halves what a sequence takes', bytes));
  }
  if (branches > 1) {
    const top = branches >> 1;
    const left = BYTES_PER_TRAINED * trainableParameters * (1 - top / branches);
    const flags = `--layers top:${top} (method.layers: { top: ${top} })`;
    ways.push(way(flags, 'trains experts in the upper layers only', less(left)));
  }
  if (branches > 0) {
    const bytes = less(BYTES_PER_TRAINED * trainableParameters);
    ways.push(way('--preset lora-ct (preset: lora-ct)', 'trains less', bytes));
  }
  return ways;
}

function textOf({ flags, does, bytes, times }: Way, seconds: number | null): string {
  const time = seconds === null ? '' : `, ${duration(seconds * times)}`;
  const memory = bytes === null ? '' : ` in ${gibibytes(bytes)}`;
  return `${flags}: ${does}${memory}${time}`;
}

/**
 * Changes that would make a run smaller, as flags of `moect train`, each with the memory of a step and, where it was
 * measured, the time of the run. Those that suffice alone come first.
 */
export function suggestSmaller(shape: RunShape, memory: StepMemory | null): string[] {
  const used = memory?.at(shape.batchSize).usedBytes ?? null;
  const ways = [
    ...(memory === null ? [] : smallerBatch(shape, memory)),
    ...recomputation(shape, used),
    ...others(shape, memory, used),
  ];
  const sorted = [...ways.filter(({ fits }) => fits), ...ways.filter(({ fits }) => !fits)];
  return sorted.map((way) => textOf(way, shape.seconds));
}
