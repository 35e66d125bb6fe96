import { openRun } from '../config/open-run.ts';
import { configFrom } from '../config/read-config.ts';
import type { MoectConfig } from '../config/schema.ts';
import { planRun } from '../planning/plan-run.ts';
import type { PlanningOptions } from '../planning/plan-training.ts';
import type { TrainingPlan } from '../planning/training-plan.ts';

/** The plan of the run that a configuration describes. */
export async function planConfig(
  config: MoectConfig,
  options: Partial<PlanningOptions> = {},
): Promise<TrainingPlan> {
  const { base, input, output } = await openRun(await configFrom(config, '/'));
  try {
    return await planRun(base, input, { output, ...options });
  } finally {
    base.dispose();
  }
}
