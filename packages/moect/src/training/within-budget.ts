import { InvalidConfigError } from '@moect/core';
import type { Base } from '../base/base.ts';
import { problemAt } from '../config/key-path.ts';
import { planRun } from '../planning/plan-run.ts';
import { secondsOf } from './duration.ts';
import type { RunInput } from './run-input.ts';

/** The rest is left to checkpoints, and to a machine that is busier later. */
const USED_SHARE = 0.9;

/** The same run with so many steps. */
function withSteps(input: RunInput, steps: number, notes: readonly string[]): RunInput {
  const { tokens: _tokens, epochs: _epochs, ...training } = input.settings.training;
  return {
    ...input,
    settings: { ...input.settings, training: { ...training, steps } },
    notes: [...(input.notes ?? []), ...notes],
  };
}

/**
 * A run of as many steps as fit into its budget of time on this machine, measured by a few; a run that goes on keeps its
 * length. Throws InvalidConfigError where not even a step fits.
 */
export async function withinBudget(base: Base, input: RunInput, record: unknown): Promise<RunInput> {
  const { budget } = input.settings.training;
  if (budget === undefined) return input;
  const recorded = (record as { readonly training?: { readonly steps?: number } } | null)?.training?.steps;
  if (recorded !== undefined) return withSteps(input, recorded, []);
  const { time, steps, evaluation } = await planRun(base, input);
  // a run that cannot be timed says why when it begins
  if (time === null) return input;
  const scoring = evaluation === null ? 0 : evaluation.times * evaluation.seconds;
  const fitting = Math.floor((USED_SHARE * secondsOf(budget) - scoring) / time.secondsPerStep);
  if (fitting >= steps) return input;
  if (fitting >= 1)
    return withSteps(input, fitting, [`budget: ${fitting} of ${steps} steps fit into ${budget}`]);
  const needed = Math.ceil((time.secondsPerStep + scoring) / USED_SHARE);
  const message = `is ${budget}, and a step with the evaluations takes ${needed} s`;
  throw new InvalidConfigError(
    input.origin.name,
    [problemAt(input.origin, ['training', 'budget'], message)],
    'Give more time, or shorter sequences.',
  );
}
