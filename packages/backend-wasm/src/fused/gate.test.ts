import {
  ChooseExperts,
  ChooseExpertsGrad,
  CountAssignments,
  GatedBlend,
  GatedBlendGrad,
  GatePrior,
  GatePriorGrad,
  GateWeight,
  GateWeightGrad,
  LoadBalance,
  LoadBalanceGrad,
  RmsNormalizeSum,
  RmsNormalizeSumGrad,
  SquaredLogSumExp,
  SquaredLogSumExpGrad,
} from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  differences,
  expectClose,
  floats,
  inner,
  ints,
  normal,
  randomInts,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

beforeAll(async () => {
  await startBackend();
});

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);

const sizes = [
  [1, 1],
  [3, 5],
  [70, 13],
  [33, 64],
] as [number, number][];

describe.each(sizes)('gate kernels on %i rows of %i', (rows, d) => {
  const next = uniform(rows + d);
  const x = (): Values => normal([rows, d], next);

  it('RmsNormalizeSum and its gradient agree with float64', () => {
    const [a, b, dy] = [x(), x(), x()];
    const value = (shift: Float64Array): Float64Array => {
      const sum = a.values.map((v, i) => v + b.values[i]! + shift[i]!);
      const squares = Float64Array.from({ length: rows }, (_, r) =>
        sum.slice(r * d, (r + 1) * d).reduce((total, v) => total + v * v, 0),
      );
      return sum.map((v, i) => v / Math.sqrt(squares[Math.floor(i / d)]! / d + 1e-3));
    };
    const zero = new Float64Array(rows * d);
    const [y] = runKernel(RmsNormalizeSum, { a, b }, { eps: 1e-3 });
    expectClose(y, value(zero), 1e-6);
    if (zero.length > 100) return;
    const [dx] = runKernel(RmsNormalizeSumGrad, { a, b, dy }, { eps: 1e-3 });
    expectClose(
      dx,
      differences(zero, (shift) => inner(value(shift), dy.values)),
      2e-5,
    );
  });

  it('GatedBlend and its gradient agree with float64', () => {
    const [residual, base, moe, dy] = [x(), x(), x(), x()];
    const weight = floats([rows, 1], Float64Array.from({ length: rows }, next));
    const p = (i: number): number => weight.values[Math.floor(i / d)]!;
    const [y] = runKernel(GatedBlend, { residual, base, moe, weight });
    expectClose(
      y,
      residual.values.map((a, i) => a + p(i) * base.values[i]! + (1 - p(i)) * moe.values[i]!),
      1e-6,
    );
    const [dbase, dmoe, dweight] = runKernel(GatedBlendGrad, { base, moe, weight, dy });
    expectClose(
      dbase,
      dy.values.map((g, i) => p(i) * g),
      1e-6,
    );
    expectClose(
      dmoe,
      dy.values.map((g, i) => (1 - p(i)) * g),
      1e-6,
    );
    const products = dy.values.map((g, i) => g * (base.values[i]! - moe.values[i]!));
    const along = Float64Array.from({ length: rows }, (_, r) =>
      products.slice(r * d, (r + 1) * d).reduce((total, v) => total + v, 0),
    );
    expectClose(dweight, along, 2e-5);
  });

  it('GatedBlend has the bits of the sum where both branches are equal or the weight is 1', () => {
    const [residual, base, moe] = [x(), x(), x()];
    const sum = residual.values.map((a, i) => Math.fround(a + base.values[i]!));
    const ones = floats([rows, 1], new Float64Array(rows).fill(1));
    const parts = floats([rows, 1], Float64Array.from({ length: rows }, next));
    expect(runKernel(GatedBlend, { residual, base, moe: base, weight: parts })[0]!.values).toEqual(sum);
    expect(runKernel(GatedBlend, { residual, base, moe, weight: ones })[0]!.values).toEqual(sum);
  });

  it('GateWeight and its gradient agree with float64', () => {
    const [left, right] = [x(), x()];
    const [leftBias, rightBias, weight] = [normal([d], next), normal([d], next), normal([1, d], next)];
    const bias = normal([1], next);
    const tanhs = left.values.map((l, i) =>
      Math.tanh(l + leftBias.values[i % d]! + right.values[i]! + rightBias.values[i % d]!),
    );
    const logits = Float64Array.from(
      { length: rows },
      (_, r) => inner(tanhs.slice(r * d, (r + 1) * d), weight.values) + bias.values[0]!,
    );
    const inputs = { left, right, leftBias, rightBias, weight, bias };
    const [logit, probability, given] = runKernel(GateWeight, inputs);
    expectClose(given, tanhs, 1e-6);
    expectClose(logit, logits, 1e-5);
    expectClose(probability, logits.map(sigmoid), 2e-6);
    const [dlogit, dprobability] = [normal([rows, 1], next), normal([rows, 1], next)];
    const slopes = logits.map((z, r) => {
      const p = sigmoid(z);
      return dlogit.values[r]! + dprobability.values[r]! * p * (1 - p);
    });
    const down = tanhs.map((t, i) => slopes[Math.floor(i / d)]! * weight.values[i % d]! * (1 - t * t));
    const columns = (values: Float64Array): Float64Array =>
      Float64Array.from({ length: d }, (_, j) => values.reduce((s, v, i) => (i % d === j ? s + v : s), 0));
    const [dsum, dinnerBias, dweight, dbias] = runKernel(GateWeightGrad, {
      ...{ weight, probability: probability!, tanh: given!, dlogit, dprobability },
    });
    expectClose(dsum, down, 1e-5);
    expectClose(dinnerBias, columns(down), 1e-4);
    expectClose(dweight, columns(tanhs.map((t, i) => t * slopes[Math.floor(i / d)]!)), 1e-4);
    expectClose(dbias, [slopes.reduce((a, b) => a + b, 0)], 1e-4);
  });

  it('GatePrior and its gradient agree with float64', () => {
    const logit = normal([rows, d], next, 3);
    const [classes, documentIds] = [randomInts([rows, d], next, 0, 3), randomInts([rows, d], next, -1, 3)];
    const attrs = { positive: 1, positiveScale: 0.25, negative: 2, negativeScale: 0.5 };
    const of = (kind: number, i: number): number =>
      classes.values[i] === kind && documentIds.values[i]! >= 0 ? 1 : 0;
    const [positive, negative] = runKernel(GatePrior, { logit, classes, documentIds }, attrs);
    const z = logit.values;
    expectClose(positive, [0.25 * z.reduce((s, v, i) => s + of(1, i) * softplus(-v), 0)], 1e-5);
    expectClose(negative, [0.5 * z.reduce((s, v, i) => s + of(2, i) * softplus(v), 0)], 1e-5);
    const slopes = { dpositive: floats([], [1.5]), dnegative: floats([], [-0.5]) };
    const [dlogit] = runKernel(GatePriorGrad, { logit, classes, documentIds, ...slopes }, attrs);
    expectClose(
      dlogit,
      z.map((v, i) => of(1, i) * 1.5 * 0.25 * -sigmoid(-v) + of(2, i) * -0.5 * 0.5 * sigmoid(v)),
      1e-6,
    );
  });
});

describe('choice of experts', () => {
  it.each([
    [1, 1, 1, false],
    [9, 5, 2, true],
    [40, 7, 3, false],
    [40, 4, 4, true],
  ] as const)('%i tokens, %i experts, %i chosen, renormalize %s', (rows, n, k, renormalize) => {
    const next = uniform(n);
    const logits = normal([rows, n], next, 2);
    const dweights = normal([rows, k], next);
    const [weights, indices] = runKernel(ChooseExperts, { logits }, { k, renormalize });
    const chosen = (row: number): number[] => [...indices!.values.slice(row * k, (row + 1) * k)];
    const value = (z: Float64Array): Float64Array =>
      Float64Array.from({ length: rows * k }, (_, i) => {
        const row = Math.floor(i / k);
        const shares = [...z.slice(row * n, (row + 1) * n)].map(Math.exp);
        const over = renormalize ? chosen(row).map((e) => shares[e]!) : shares;
        return shares[chosen(row)[i % k]!]! / over.reduce((a, b) => a + b, 0);
      });
    for (let row = 0; row < rows; row++) {
      const z = [...logits.values.slice(row * n, (row + 1) * n)];
      const order = z.map((_, e) => e).sort((a, b) => z[b]! - z[a]!);
      expect(chosen(row)).toEqual(order.slice(0, k));
    }
    expectClose(weights, value(logits.values), 1e-6);
    const inputs = { logits, indices: indices!, dweights };
    const [dlogits] = runKernel(ChooseExpertsGrad, inputs, { k, renormalize });
    expectClose(
      dlogits,
      differences(logits.values, (z) => inner(value(z), dweights.values)),
      2e-6,
    );
    const mask = floats(
      [rows],
      Float64Array.from({ length: rows }, () => Math.round(next())),
    );
    const [counts] = runKernel(CountAssignments, { indices: indices!, mask }, { numExperts: n });
    const expected = new Float64Array(n);
    indices!.values.forEach((e, i) => {
      expected[e]! += mask.values[Math.floor(i / k)]!;
    });
    expectClose(counts, expected, 0);
  });

  it.each([
    [1, 1],
    [7, 5],
    [1100, 3],
  ])('losses of %i tokens, %i experts agree with float64', (rows, n) => {
    const next = uniform(n + rows);
    const logits = normal([rows, n], next, 2);
    const mask = floats([rows], [1, ...Float64Array.from({ length: rows - 1 }, () => Math.round(next()))]);
    const counts = floats([n], [1, ...Float64Array.from({ length: n - 1 }, () => Math.round(5 * next()))]);
    const total = (x: Float64Array): number => x.reduce((a, b) => a + b, 0);
    const mean =
      (ofRow: (shares: Float64Array, sum: number) => number) =>
      (z: Float64Array): number => {
        const rowsOf = mask.values.map((shown, row) => {
          const shares = z.slice(row * n, (row + 1) * n).map(Math.exp);
          return shown * ofRow(shares, total(shares));
        });
        return total(rowsOf) / total(mask.values);
      };
    const cases = {
      balance: mean((shares, sum) => (n * inner(shares, counts.values)) / sum / total(counts.values)),
      z: mean((_, sum) => Math.log(sum) ** 2),
    };
    const kernels = {
      balance: [LoadBalance, LoadBalanceGrad],
      z: [SquaredLogSumExp, SquaredLogSumExpGrad],
    } as const;
    for (const kind of ['balance', 'z'] as const) {
      const value = cases[kind];
      const inputs = { logits, mask, ...(kind === 'balance' && { tokensPerExpert: counts }) };
      const [loss, factor] = runKernel(kernels[kind][0], inputs);
      expectClose(loss, [value(logits.values)], 1e-6);
      if (rows > 100) continue;
      const given = { ...inputs, factor: factor!, dloss: floats([], [1.5]) };
      const [dlogits] = runKernel(kernels[kind][1], given);
      expectClose(
        dlogits,
        differences(logits.values, (z) => 1.5 * value(z)),
        1e-6,
      );
    }
  });

  it('refuses experts that are not there', () => {
    const inputs = { indices: ints([1, 2], [0, 5]), mask: floats([1], [1]) };
    expect(() => runKernel(CountAssignments, inputs, { numExperts: 4 })).toThrow('element 1 is 5');
  });
});
