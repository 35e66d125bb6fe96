import { expect, it } from 'vitest';
import { logSumExp } from './log-sum-exp.ts';

it('adds up where the exponentials alone would overflow or vanish', () => {
  expect(logSumExp([1000, 1000])).toBeCloseTo(1000 + Math.LN2, 12);
  expect(logSumExp([-1000, -1000, -1000])).toBeCloseTo(-1000 + Math.log(3), 12);
  expect(logSumExp(Float64Array.of(Math.log(0.25), Math.log(0.75)))).toBeCloseTo(0, 15);
});

it('counts −Infinity as nothing', () => {
  expect(logSumExp([Number.NEGATIVE_INFINITY, 2])).toBe(2);
  expect(logSumExp([Number.NEGATIVE_INFINITY])).toBe(Number.NEGATIVE_INFINITY);
  expect(logSumExp([])).toBe(Number.NEGATIVE_INFINITY);
});

it('hides no NaN', () => {
  expect(logSumExp([1, Number.NaN])).toBeNaN();
});
