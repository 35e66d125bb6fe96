import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import { type Check, number } from '@moect/core/options';

const positive = number({ above: 0 });

/** A problem for each item of a list that the check refuses. */
function itemProblems(path: string, items: readonly number[], check: Check): ConfigProblem[] {
  return items.flatMap((item, i) => {
    const message = check(item);
    return message === null ? [] : [{ path: `${path}[${i}]`, message }];
  });
}

function checkCounts(what: string, counts: readonly number[]): void {
  const problems = itemProblems('counts', counts, positive);
  if (counts.length === 0) problems.push({ path: 'counts', message: 'is empty' });
  if (problems.length > 0) {
    throw new InvalidConfigError(what, problems, 'Leave out languages without text.');
  }
}

function checkPositive(what: string, path: string, value: number): void {
  const message = positive(value);
  if (message !== null) throw new InvalidConfigError(what, [{ path, message }]);
}

/** Divides by the sum. Throws InvalidConfigError for negative or non-finite weights, and where all are 0. */
export function normalizeWeights(weights: readonly number[]): number[] {
  const problems = itemProblems('weights', weights, number({ min: 0 }));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (problems.length === 0 && !(sum > 0)) problems.push({ path: 'weights', message: 'are all 0' });
  if (problems.length > 0) throw new InvalidConfigError('Sampling weights', problems);
  return weights.map((weight) => weight / sum);
}

/**
 * Temperature sampling: q_l = n_l^(1/τ) / Σ n_m^(1/τ) (Conneau et al. 2019, α = 1/τ).
 * τ = 1 keeps the natural shares, τ → ∞ makes all languages equal.
 * @param counts characters or bytes of each language, not tokens of different tokenizers
 * @param tau above 0
 * @returns shares that sum to 1. Throws InvalidConfigError.
 */
export function temperatureWeights(counts: readonly number[], tau: number): number[] {
  checkCounts('Temperature sampling', counts);
  checkPositive('Temperature sampling', 'tau', tau);
  const largest = Math.max(...counts);
  // relative to the largest, so that a small τ cannot overflow
  return normalizeWeights(counts.map((count) => (count / largest) ** (1 / tau)));
}

/**
 * UniMax (Chung et al. 2023, algorithm 1): from the smallest language to the largest, each gets an equal
 * share of the budget that remains, but at most `maxEpochs` times its own size.
 * @param counts characters or bytes of each language
 * @param budget what is spent in all, in the unit of `counts`
 * @returns what each language gets, in the unit of `counts`; sums to min(budget, maxEpochs · Σ counts)
 */
export function uniMaxAllocation(counts: readonly number[], budget: number, maxEpochs: number): number[] {
  checkCounts('UniMax', counts);
  checkPositive('UniMax', 'budget', budget);
  checkPositive('UniMax', 'maxEpochs', maxEpochs);
  const order = counts.map((_, i) => i).sort((a, b) => counts[a]! - counts[b]! || a - b);
  const allocation = new Array<number>(counts.length).fill(0);
  let remaining = budget;
  order.forEach((language, visited) => {
    const share = remaining / (order.length - visited);
    const granted = Math.min(share, maxEpochs * counts[language]!);
    allocation[language] = granted;
    remaining -= granted;
  });
  return allocation;
}

/** The shares that {@link uniMaxAllocation} gives; they sum to 1. Throws InvalidConfigError. */
export function uniMaxWeights(counts: readonly number[], budget: number, maxEpochs: number): number[] {
  return normalizeWeights(uniMaxAllocation(counts, budget, maxEpochs));
}
