import type { Base } from '../base/base.ts';
import { prepareRun } from '../training/prepare-run.ts';
import type { RunInput } from '../training/run-input.ts';
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
