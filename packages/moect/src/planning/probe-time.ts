import type { TrainOptions } from '@moect/trainer';
import { type ProbeSize, runProbeSteps } from './probe-steps.ts';

/** If a whole step takes longer, fewer sequences are timed. */
const LONGEST_STEP_MS = 6000;
/** Timing ends after this many milliseconds of steps, but not before the second step. */
const TIMING_MS = 3000;
const MOST_STEPS = 12;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median milliseconds of a step, without the first, which also compiles and touches new memory. */
async function timeSteps(options: TrainOptions, size: ProbeSize): Promise<number> {
  const isEnough = (times: readonly number[]): boolean =>
    times.length > MOST_STEPS || (times.length > 2 && sum(times) > TIMING_MS);
  return median((await runProbeSteps(options, size, isEnough)).slice(1));
}

/** Milliseconds of one more sequence, bounded against noise: from half the mean per sequence to the mean. */
async function timePerRow(options: TrainOptions, rows: number, measured: number): Promise<number> {
  const mean = measured / rows;
  const fewer = rows >> 1;
  if (fewer === 0) return mean;
  const more = measured - (await timeSteps(options, { rows: fewer, batches: 1 }));
  return Math.min(mean, Math.max(mean / 2, more / (rows - fewer)));
}

/**
 * Milliseconds of a training step, measured on this machine as it is now: whole steps if they are short, else steps
 * on fewer sequences, extrapolated linearly. Weights do not change.
 * @param mostRows largest number of sequences whose step fits into memory
 */
export async function probeTime(options: TrainOptions, batchSize: number, mostRows: number): Promise<number> {
  const accumulation = options.gradientAccumulation ?? 1;
  const [single] = await runProbeSteps(options, { rows: 1, batches: 1 }, () => true);
  const rows = Math.max(1, Math.min(batchSize, mostRows, Math.floor(LONGEST_STEP_MS / single!)));
  const measured = await timeSteps(options, { rows, batches: 1 });
  const whole =
    measured + (batchSize - rows) * (rows === batchSize ? 0 : await timePerRow(options, rows, measured));
  if (accumulation === 1) return whole;
  // norm, clipping and update run once per step, however many batches it has
  const twice = await timeSteps(options, { rows, batches: 2 });
  const once = Math.max(0, 2 * measured - twice);
  return once + accumulation * (whole - once);
}
