import { InvalidConfigError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { normalizeWeights, temperatureWeights, uniMaxAllocation, uniMaxWeights } from './weights.ts';

const close = (given: readonly number[], expected: readonly number[]): void => {
  expect(given).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(given[i]).toBeCloseTo(value, 12);
};

describe('temperatureWeights', () => {
  it('has its closed forms', () => {
    close(temperatureWeights([1, 3], 1), [0.25, 0.75]);
    // n^(1/2): 1, 3
    close(temperatureWeights([1, 9], 2), [0.25, 0.75]);
    close(temperatureWeights([7, 7, 7], 3.3), [1 / 3, 1 / 3, 1 / 3]);
  });

  it('stays finite at both ends', () => {
    close(temperatureWeights([1, 1e12], 1e15), [0.5, 0.5]);
    close(temperatureWeights([1, 1e12], 1e-3), [0, 1]);
  });

  it('refuses empty languages and τ of 0', () => {
    expect(() => temperatureWeights([1, 0], 1)).toThrow(InvalidConfigError);
    expect(() => temperatureWeights([1], 0)).toThrow(/tau/);
    expect(() => temperatureWeights([], 1)).toThrow(/counts/);
  });
});

describe('uniMaxAllocation', () => {
  it('is equal where no language runs out', () => {
    close(uniMaxAllocation([100, 50, 80], 90, 1), [30, 30, 30]);
  });

  it('gives small languages their epochs and shares the rest, in the order given', () => {
    // 10 is capped at 2 · 10 = 20, the other 80 are shared
    close(uniMaxAllocation([1000, 10, 500], 100, 2), [40, 20, 40]);
    // 5 → 5, then 20 of the remaining 95 / 2 = 47.5, the rest to the last
    close(uniMaxAllocation([20, 1000, 5], 100, 1), [20, 75, 5]);
  });

  it('cannot spend more than all epochs of all languages', () => {
    close(uniMaxAllocation([10, 20], 1000, 3), [30, 60]);
    close(uniMaxWeights([10, 20], 1000, 3), [1 / 3, 2 / 3]);
  });

  it('never gives a larger language less', () => {
    const counts = [3, 141, 59, 26, 535, 8, 97];
    const given = uniMaxAllocation(counts, 400, 4);
    const bySize = counts.map((count, i) => [count, given[i]!] as const).sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < bySize.length; i++) expect(bySize[i]![1]).toBeGreaterThanOrEqual(bySize[i - 1]![1]);
    expect(given.reduce((sum, n) => sum + n, 0)).toBeCloseTo(400, 9);
  });

  it('refuses budgets of nothing', () => {
    expect(() => uniMaxAllocation([1], 0, 1)).toThrow(/budget/);
    expect(() => uniMaxAllocation([1], 1, Number.POSITIVE_INFINITY)).toThrow(/maxEpochs/);
  });
});

describe('normalizeWeights', () => {
  it('refuses negative, missing and all-zero weights', () => {
    close(normalizeWeights([0, 2, 2]), [0, 0.5, 0.5]);
    expect(() => normalizeWeights([0, 0])).toThrow(/all 0/);
    expect(() => normalizeWeights([1, -1])).toThrow(/weights\[1\]/);
    expect(() => normalizeWeights([Number.NaN])).toThrow(InvalidConfigError);
  });
});
