import type { Base } from '../base/base.ts';
import { prepareRun } from '../training/prepare-run.ts';
import type { RunInput } from '../training/run-input.ts';
import { inputOf, type TrainOptions } from '../training/train.ts';
import { fitRun } from './fit-run.ts';
import type { PlanningOptions } from './plan-training.ts';
import type { TrainingPlan } from './training-plan.ts';

/** See `planTraining`. */
export async function planRun(
  base: Base,
  input: RunInput,
  options: Partial<PlanningOptions> = {},
): Promise<TrainingPlan> {
  const { output } = options;
  const place = output === undefined ? {} : { output: base.platform.absolute(output) };
  const prepared = await prepareRun(base, input, place);
  try {
    return (await fitRun(prepared, { time: true, ...options })).plan;
  } finally {
    await prepared.hiddenStates?.close();
    prepared.extension.dispose();
  }
}

/**
 * Says what a run will take on this machine: time, memory, disk. Runs a few steps that change nothing; writes nothing.
 * Throws InvalidConfigError and CorruptDataError.
 * @param options as for `train`
 */
export async function planTraining(base: Base, options: TrainOptions): Promise<TrainingPlan> {
  return planRun(base, await inputOf(base, options), { output: options.output });
}
