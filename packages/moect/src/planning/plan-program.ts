import type { Base } from '../base/base.ts';
import { inputOf, type TrainOptions } from '../training/train.ts';
import { withinBudget } from '../training/within-budget.ts';
import { planRun } from './plan-run.ts';
import type { TrainingPlan } from './training-plan.ts';

/**
 * Says what a run will take on this machine: time, memory, disk. Runs a few steps that change nothing; writes nothing.
 * Throws InvalidConfigError and CorruptDataError.
 * @param options as for `train`
 */
export async function planTraining(base: Base, options: TrainOptions): Promise<TrainingPlan> {
  const input = await withinBudget(base, await inputOf(base, options), null);
  return planRun(base, input, { output: options.output });
}
