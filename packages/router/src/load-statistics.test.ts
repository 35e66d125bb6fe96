import { describe, expect, it } from 'vitest';
import { loadImbalance, loadStatistics } from './load-statistics.ts';

describe('load statistics', () => {
  it('of an even load', () => {
    expect(loadStatistics([4, 4, 4, 4])).toEqual({
      imbalance: 1,
      coefficientOfVariation: 0,
      entropy: 1,
      deadExperts: [],
    });
  });

  it('of a collapsed load', () => {
    const statistics = loadStatistics(Float32Array.of(0, 12, 0));
    expect(statistics.imbalance).toBe(3);
    expect(statistics.coefficientOfVariation).toBeCloseTo(Math.SQRT2, 12);
    expect(statistics.entropy).toBe(0);
    expect(statistics.deadExperts).toEqual([0, 2]);
  });

  it('of a load by hand: (6, 2, 2, 2)', () => {
    const statistics = loadStatistics([6, 2, 2, 2]);
    expect(statistics.imbalance).toBe(2);
    expect(statistics.coefficientOfVariation).toBeCloseTo(Math.sqrt(3) / 3, 12);
    expect(statistics.entropy).toBeCloseTo((0.5 * Math.log(2) + 0.5 * Math.log(6)) / Math.log(4), 12);
  });

  it('of nothing at all, and of one expert', () => {
    expect(loadImbalance([0, 0])).toBe(1);
    expect(loadStatistics([0, 0]).deadExperts).toEqual([0, 1]);
    expect(loadStatistics([7]).entropy).toBe(1);
  });

  it('count an expert under 1 % of the fair share as dead', () => {
    expect(loadStatistics([995, 1005, 9]).deadExperts).toEqual([]);
    expect(loadStatistics([1000, 1000, 6]).deadExperts).toEqual([2]);
  });
});
