import { fixtureJson } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { holm } from './holm.ts';
import { percentileInterval, standardError, twoSidedP, upperTailP } from './intervals.ts';
import { quantile } from './quantile.ts';

interface BootstrapCase {
  x: number[];
  y: number[];
  statistic: string;
  standard_error: number;
  p_two_sided_percentile: number;
  'percentile 0.95': [number, number];
  'percentile 0.9': [number, number];
}

const scipy = fixtureJson<{ cases: Record<string, BootstrapCase>; indices: number[][] }>(
  'metrics/bootstrap.json',
);

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

describe("scipy's paired bootstrap, from its own indices", () => {
  it.each(Object.entries(scipy.cases))('%s', (_, golden) => {
    const replicates = scipy.indices.map((indices) => {
      const [x, y] = [golden.x, golden.y].map((values) => sum(indices.map((i) => values[i]!)));
      return golden.statistic === 'sum(x) / sum(y)' ? x! / y! : (x! - y!) / indices.length;
    });
    for (const [level, key] of [
      [0.95, 'percentile 0.95'],
      [0.9, 'percentile 0.9'],
    ] as const) {
      const interval = percentileInterval(replicates, level);
      expect(interval[0]).toBeCloseTo(golden[key][0], 9);
      expect(interval[1]).toBeCloseTo(golden[key][1], 9);
    }
    expect(standardError(replicates)).toBeCloseTo(golden.standard_error, 9);
    expect(twoSidedP(replicates)).toBeCloseTo(golden.p_two_sided_percentile, 12);
  });
});

interface HolmCase {
  p: number[];
  holm: number[];
}

const statsmodels = fixtureJson<{ cases: Record<string, HolmCase> }>('metrics/holm.json');

describe("statsmodels' Holm", () => {
  it.each(Object.entries(statsmodels.cases))('%s', (_, { p, holm: expected }) => {
    holm(p).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12);
    });
  });
});

describe('by hand', () => {
  it('interpolates quantiles', () => {
    expect(quantile([1, 2, 4], 0.75)).toBe(3);
    expect(quantile([5], 0.3)).toBe(5);
    expect(percentileInterval([3, 1, 2, 5, 4], 0.5)).toEqual([2, 4]);
  });

  it('adjusts step by step', () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    expect(() => holm([Number.NaN])).toThrow(/0 … 1/);
  });

  it('counts the tail, the data themselves included', () => {
    expect(upperTailP([0, 1, 2, 3], 2)).toBe(3 / 5);
    expect(twoSidedP([1, 1, 1])).toBe(1 / 2);
  });
});
