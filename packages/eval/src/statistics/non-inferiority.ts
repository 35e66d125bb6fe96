import type { BootstrapResult } from './bootstrap.ts';
import { holm } from './holm.ts';
import { upperTailP } from './intervals.ts';

export interface NonInferiority {
  readonly language: string;
  /** Upper end of the interval. */
  readonly upper: number;
  /** One-sided p-value of "the change is the bound or more". */
  readonly pValue: number;
  /** The same after Holm's correction over all languages given. */
  readonly adjustedP: number;
  /** The upper end lies below the bound, and the corrected test rejects too. */
  readonly kept: boolean;
}

/**
 * "Kept" is a claim of its own, not the absence of a significant loss (docs/metrics.md §3): the interval's upper end must
 * lie below the stated bound. A single document or cluster has no interval, and is never shown to be kept.
 * @param changes bootstrap of each language's change, in the unit of `bound`
 */
export function nonInferiority(
  changes: Readonly<Record<string, BootstrapResult>>,
  bound: number,
  alpha = 0.05,
): NonInferiority[] {
  const entries = Object.entries(changes);
  // every resample of one unit is that unit: an interval without width shows nothing
  const pValues = entries.map(([, { replicates, units }]) => (units < 2 ? 1 : upperTailP(replicates, bound)));
  const adjusted = holm(pValues);
  return entries.map(([language, { interval }], i) => {
    const adjustedP = adjusted[i]!;
    const kept = interval[1] < bound && adjustedP <= alpha;
    return { language, upper: interval[1], pValue: pValues[i]!, adjustedP, kept };
  });
}
