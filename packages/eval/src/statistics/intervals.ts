import { quantile } from './quantile.ts';

export type Interval = readonly [low: number, high: number];

/**
 * Percentile interval of bootstrap replicates, quantiles by linear interpolation (as scipy's `bootstrap`).
 * @param level for example 0.95
 */
export function percentileInterval(replicates: ArrayLike<number>, level = 0.95): Interval {
  const sorted = Float64Array.from(replicates).sort();
  return [quantile(sorted, (1 - level) / 2), quantile(sorted, (1 + level) / 2)];
}

/** Standard deviation of the replicates with n − 1: the bootstrap's standard error. */
export function standardError(replicates: ArrayLike<number>): number {
  const values = Array.from(replicates);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/**
 * One-sided p-value of "the true value is `bound` or more": (#{θ* ≥ bound} + 1) ÷ (B + 1), from the percentile
 * bootstrap. It never reaches 0.
 */
export function upperTailP(replicates: ArrayLike<number>, bound: number): number {
  let above = 0;
  for (let i = 0; i < replicates.length; i++) if (replicates[i]! >= bound) above++;
  return (above + 1) / (replicates.length + 1);
}

/** Two-sided p-value of "the true value is 0": twice the smaller tail, at most 1. */
export function twoSidedP(replicates: ArrayLike<number>): number {
  const mirrored = Float64Array.from(replicates, (value) => -value);
  return Math.min(1, 2 * Math.min(upperTailP(replicates, 0), upperTailP(mirrored, 0)));
}
