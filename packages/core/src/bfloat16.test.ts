import { expect, it } from 'vitest';
import { decodeBfloat16, encodeBfloat16 } from './bfloat16.ts';

it('rounds to nearest, ties to even, and keeps NaN', () => {
  const ulp = 2 ** -7;
  const cases = [1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.51 * ulp, -(1 + 1.5 * ulp)];
  const rounded = decodeBfloat16(encodeBfloat16(Float32Array.from(cases)));
  expect([...rounded]).toEqual([1, 1 + 2 * ulp, 1 + ulp, -(1 + 2 * ulp)]);
  const nan = new Float32Array(Uint32Array.of(0x7fffffff, 0x7f800001).buffer);
  expect([...decodeBfloat16(encodeBfloat16(nan))]).toEqual([Number.NaN, Number.NaN]);
});

it('decodes into an array that is there', () => {
  const into = new Float32Array(3).fill(7);
  expect(decodeBfloat16(encodeBfloat16(Float32Array.of(1, -2)), into)).toBe(into);
  expect([...into]).toEqual([1, -2, 7]);
});
