import { InvalidConfigError, type Schedule } from '@moect/core';
import { type Check, number, optional, problemsOf } from '@moect/core/options';

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

const share = optional(number({ min: 0, max: 1 }));

const checks: Readonly<Record<keyof ScheduleOptions, Check>> = {
  learningRate: number({ above: 0 }),
  totalSteps: number({ min: 1, integer: true }),
  warmupSteps: optional(number({ min: 0, integer: true })),
  warmupRatio: share,
  minRatio: share,
};

function check(options: ScheduleOptions): void {
  const { totalSteps, warmupSteps, warmupRatio } = options;
  const problems = problemsOf(options, checks);
  if (warmupSteps !== undefined && warmupRatio !== undefined) {
    problems.push({ path: 'warmupRatio', message: 'give either warmupSteps or warmupRatio' });
  }
  if (warmupSteps !== undefined && warmupSteps > totalSteps) {
    problems.push({
      path: 'warmupSteps',
      message: `must be at most totalSteps = ${totalSteps}, is ${warmupSteps}`,
    });
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
