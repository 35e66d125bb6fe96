import { CrossEntropy, CrossEntropyGrad } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectClose,
  floats,
  ints,
  normal,
  randomInts,
  runKernel,
  startBackend,
  uniform,
} from './test-support.ts';

function logsumexp(row: Float64Array): number {
  const top = Math.max(...row);
  return top + Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0));
}

// 6 rows per micro-tile and fused multiply-add, or 4 and none
const builds = [
  ['relaxed SIMD on 2 threads', { threads: 2 }],
  ['plain SIMD', { threads: 1, relaxedSimd: false }],
] as const;

// exp has relative error 2e-7, the logsumexp is rounded once (up to 12: 5e-7)
describe.each(builds)('CrossEntropy with %s', (_, options) => {
  beforeAll(async () => {
    await startBackend(options);
  });

  it.each([[[1, 1]], [[3, 2]], [[5, 7]], [[33, 100]], [[9, 2048]], [[2, 5003]], [[0, 5]]])(
    'agrees with float64 on %j, forward and backward',
    (shape) => {
      const [n, v] = shape as [number, number];
      const next = uniform(1);
      const logits = normal(shape, next, 4);
      const targets = randomInts([n], next, -1, v);
      const dlosses = normal([n], next);
      const rows = Array.from({ length: n }, (_, i) => logits.values.subarray(i * v, (i + 1) * v));
      const sums = rows.map(logsumexp);
      const hit = (i: number): number => targets.values[i]!;
      const [losses, lse] = runKernel(CrossEntropy, { logits, targets });
      expectClose(lse, sums, 1e-6);
      expectClose(
        losses,
        rows.map((row, i) => (hit(i) < 0 ? 0 : sums[i]! - row[hit(i)]!)),
        1e-6,
      );
      const saved = floats([n], sums);
      const [dlogits] = runKernel(CrossEntropyGrad, { logits, targets, saved, dlosses });
      const expected = logits.values.map((x, j) => {
        const i = Math.floor(j / v);
        if (hit(i) < 0) return 0;
        return (Math.exp(x - sums[i]!) - (hit(i) === j % v ? 1 : 0)) * dlosses.values[i]!;
      });
      expectClose(dlogits, expected, 3e-6);
    },
  );

  it('keeps a small loss beside large logits', () => {
    const logits = floats([1, 3], [1000, 990, 0]);
    const [losses] = runKernel(CrossEntropy, { logits, targets: ints([1], [0]) });
    // the sum 1 + 4.5e-5 is float32; 1000 - 1000.00005 would give 6e-5 or 0
    expectClose(losses, [Math.log1p(Math.exp(-10))], 6e-8, 0);
  });

  it('passes NaN and infinity on, and takes -Infinity as impossible', () => {
    const inf = Number.POSITIVE_INFINITY;
    const logits = floats([3, 3], [0, Number.NaN, 1, inf, 0, 0, -inf, 0, 0]);
    const [losses] = runKernel(CrossEntropy, { logits, targets: ints([3], [0, 0, 1]) });
    expectClose(losses, [Number.NaN, Number.NaN, Math.log(2)], 1e-6);
  });

  it.each([[-2], [3]])('refuses target %i of 3', (target) => {
    const inputs = { logits: floats([1, 3], [1, 2, 3]), targets: ints([1], [target]) };
    expect(() => runKernel(CrossEntropy, inputs)).toThrow(`element 0 is ${target}`);
    const given = { saved: floats([1], [0]), dlosses: floats([1], [1]) };
    expect(() => runKernel(CrossEntropyGrad, { ...inputs, ...given })).toThrow(`element 0 is ${target}`);
  });

  it('refuses targets of another length', () => {
    const inputs = { logits: floats([1, 3], [1, 2, 3]), targets: ints([2], [0, 0]) };
    expect(() => runKernel(CrossEntropy, inputs)).toThrow('expected int32 [1]');
  });
});
