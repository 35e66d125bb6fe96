import { type Callback, type Json, NoSuchComponentError } from '@moect/core';

export interface EarlyStoppingOptions {
  /** Name among the evaluation's results, for example `loss`. */
  readonly metric: string;
  /** Default false: less is better. */
  readonly higherIsBetter?: boolean;
  /** Evaluations in a row that may bring no improvement. Default 3. */
  readonly patience?: number;
  /** Smaller changes are no improvement. Default 0. */
  readonly minDelta?: number;
}

/** Ends the run when a number of the evaluation has stopped improving. Its memory is part of checkpoints. */
export function earlyStopping(options: EarlyStoppingOptions): Callback {
  const { metric, higherIsBetter = false, patience = 3, minDelta = 0 } = options;
  let best: number | null = null;
  let waited = 0;
  return {
    contract: 'callback/1',
    name: `early-stopping:${metric}`,
    onEvaluate(_step, results) {
      const value = results[metric];
      if (value === undefined)
        throw new NoSuchComponentError('evaluation result', metric, Object.keys(results));
      const gain = best === null ? Number.POSITIVE_INFINITY : higherIsBetter ? value - best : best - value;
      // written so that NaN is no improvement
      if (gain > minDelta) {
        best = value;
        waited = 0;
        return undefined;
      }
      waited++;
      return waited >= patience ? 'stop' : undefined;
    },
    saveState: () => ({ best, waited }),
    loadState(state: Json) {
      ({ best, waited } = state as { best: number | null; waited: number });
    },
  };
}
