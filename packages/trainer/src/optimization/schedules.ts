import { type ConfigProblem, InvalidConfigError, type Schedule } from '@moect/core';

export interface ScheduleOptions {
  /** Highest learning rate, reached at the end of the warm-up. */
  readonly learningRate: number;
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Steps of linear warm-up. Default 0. */
  readonly warmupSteps?: number;
  /** Warm-up as a share of `totalSteps`, rounded up; instead of `warmupSteps`. */
  readonly warmupRatio?: number;
  /** Learning rate at the end, as a share of the highest. Default 0. */
  readonly minRatio?: number;
}

function warmupOf(options: ScheduleOptions): number {
  return options.warmupSteps ?? Math.ceil((options.warmupRatio ?? 0) * options.totalSteps);
}

function check(options: ScheduleOptions): void {
  const { learningRate, totalSteps, warmupSteps, warmupRatio = 0, minRatio = 0 } = options;
  const problems: ConfigProblem[] = [];
  const need = (holds: boolean, path: string, message: string): void => {
    if (!holds) problems.push({ path, message });
  };
  need(learningRate > 0 && Number.isFinite(learningRate), 'learningRate', `${learningRate} is not positive`);
  need(
    Number.isInteger(totalSteps) && totalSteps > 0,
    'totalSteps',
    `${totalSteps} is not a positive integer`,
  );
  need(minRatio >= 0 && minRatio <= 1, 'minRatio', `${minRatio} is not within 0 … 1`);
  need(warmupRatio >= 0 && warmupRatio <= 1, 'warmupRatio', `${warmupRatio} is not within 0 … 1`);
  if (warmupSteps !== undefined) {
    need(options.warmupRatio === undefined, 'warmupRatio', 'give either warmupSteps or warmupRatio');
    need(Number.isInteger(warmupSteps) && warmupSteps >= 0, 'warmupSteps', `${warmupSteps} is not a count`);
    need(warmupSteps <= totalSteps, 'warmupSteps', `${warmupSteps} is more than totalSteps ${totalSteps}`);
  }
  if (problems.length > 0) throw new InvalidConfigError('The learning rate schedule', problems);
}

/** @param shape factor in 1 … 0 at a progress in 0 … 1 */
function schedule(name: string, options: ScheduleOptions, shape: (progress: number) => number): Schedule {
  check(options);
  const { learningRate, totalSteps, minRatio = 0 } = options;
  const warmup = warmupOf(options);
  const at = (step: number): number => {
    // the first step already moves, and the step after the warm-up has the full rate
    if (step < warmup) return (learningRate * (step + 1)) / (warmup + 1);
    const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
    return learningRate * (minRatio + (1 - minRatio) * shape(progress));
  };
  const settings = { name, learningRate, totalSteps, warmupSteps: warmup, minRatio };
  return Object.assign(at, { settings });
}

/** Warm-up, then half a cosine from the full rate down to `minRatio` (Loshchilov & Hutter, arXiv 1608.03983). */
export function cosine(options: ScheduleOptions): Schedule {
  return schedule('cosine', options, (progress) => (1 + Math.cos(Math.PI * progress)) / 2);
}

/** Warm-up, then a straight line from the full rate down to `minRatio`. */
export function linear(options: ScheduleOptions): Schedule {
  return schedule('linear', options, (progress) => 1 - progress);
}

/** Warm-up, then the full rate to the end. `totalSteps` counts only for `warmupRatio`. */
export function constant(options: Omit<ScheduleOptions, 'minRatio'>): Schedule {
  return schedule('constant', options, () => 1);
}
