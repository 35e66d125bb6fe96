import { LayerNorm, LayerNormGrad, RmsNorm, RmsNormGrad } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  differences,
  expectClose,
  floats,
  inner,
  normal,
  runKernel,
  startBackend,
  uniform,
} from './test-support.ts';

const eps = 1e-5;
const shapes = [
  [1, 1],
  [3, 5],
  [2, 3, 16],
  [17, 33],
  [129, 128],
  [64, 6],
  [40, 4, 3],
  [2, 3000],
  [0, 4],
];

function rows(x: Float64Array, d: number): Float64Array[] {
  return Array.from({ length: d === 0 ? 0 : x.length / d }, (_, i) => x.subarray(i * d, (i + 1) * d));
}

function rmsNorm(x: Float64Array, w: Float64Array): number[] {
  return rows(x, w.length).flatMap((row) => {
    const r = 1 / Math.sqrt(inner(row, row) / row.length + eps);
    return Array.from(row, (v, i) => v * r * w[i]!);
  });
}

function layerNorm(x: Float64Array, w: Float64Array, b: Float64Array): number[] {
  return rows(x, w.length).flatMap((row) => {
    const mean = row.reduce((s, v) => s + v, 0) / row.length;
    const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / row.length;
    const r = 1 / Math.sqrt(variance + eps);
    return Array.from(row, (v, i) => (v - mean) * r * w[i]! + b[i]!);
  });
}

beforeAll(async () => {
  await startBackend();
});

// float32 sums of up to 3000 terms in lanes: relative error of the mean square below 1e-6
describe('RmsNorm', () => {
  it.each(shapes.map((shape) => [shape]))('agrees with float64 on %j', (shape) => {
    const next = uniform(1);
    const [x, weight] = [normal(shape, next, 3), normal([shape.at(-1)!], next)];
    const [y] = runKernel(RmsNorm, { x, weight }, { eps });
    expect(y!.shape).toEqual(shape);
    expectClose(y, rmsNorm(x.values, weight.values), 2e-6);
  });

  it.each([[[1, 1]], [[3, 5]], [[7, 18]], [[2, 3, 16]]])('has the gradient of %j', (shape) => {
    const next = uniform(2);
    const [x, weight, dy] = [normal(shape, next), normal([shape.at(-1)!], next), normal(shape, next)];
    const [dx, dweight] = runKernel(RmsNormGrad, { x, weight, dy }, { eps, withWeight: true });
    expectClose(
      dx,
      differences(x.values, (v) => inner(rmsNorm(v, weight.values), dy.values)),
      5e-6,
    );
    expectClose(
      dweight,
      differences(weight.values, (v) => inner(rmsNorm(x.values, v), dy.values)),
      5e-6,
    );
  });

  it('sums the weight gradient of many rows', () => {
    const next = uniform(3);
    const [x, weight, dy] = [normal([2049, 20], next), normal([20], next), normal([2049, 20], next)];
    const [, dweight] = runKernel(RmsNormGrad, { x, weight, dy }, { eps, withWeight: true });
    const unit = rmsNorm(x.values, new Float64Array(20).fill(1));
    const expected = new Float64Array(20);
    for (const [i, v] of unit.entries()) expected[i % 20]! += v * dy.values[i]!;
    // 64 + 32 additions of terms about 1, results about 45
    expectClose(dweight, expected, 5e-5, 2e-6);
  });

  it('gives zero weight gradients for no rows', () => {
    const inputs = { x: floats([0, 3], []), weight: floats([3], [1, 1, 1]), dy: floats([0, 3], []) };
    const [dx, dweight] = runKernel(RmsNormGrad, inputs, { eps, withWeight: true });
    expect(dx!.shape).toEqual([0, 3]);
    expectClose(dweight, [0, 0, 0], 0);
  });

  it('passes NaN on in its row only', () => {
    const weight = floats([3], [1, 1, 1]);
    const [y] = runKernel(RmsNorm, { x: floats([2, 3], [1, Number.NaN, 2, 3, 4, 5]), weight }, { eps });
    expect(Array.from(y!.values, Number.isNaN)).toEqual([true, true, true, false, false, false]);
  });

  it('refuses other shapes and dtypes', () => {
    const x = floats([2, 3], [1, 2, 3, 4, 5, 6]);
    const weight = floats([2], [1, 1]);
    expect(() => runKernel(RmsNorm, { x, weight }, { eps })).toThrow('expected float32 [3]');
    expect(() =>
      runKernel(RmsNorm, { x: { ...x, dtype: 'int32' }, weight: floats([3], [1, 1, 1]) }, { eps }),
    ).toThrow('dtype int32');
  });
});

describe('LayerNorm', () => {
  it.each(shapes.map((shape) => [shape]))('agrees with float64 on %j', (shape) => {
    const next = uniform(4);
    const d = shape.at(-1)!;
    const [x, weight, bias] = [normal(shape, next, 3), normal([d], next), normal([d], next)];
    const [y] = runKernel(LayerNorm, { x, weight, bias }, { eps });
    expectClose(y, layerNorm(x.values, weight.values, bias.values), 4e-6);
  });

  it.each([[[3, 5]], [[7, 18]], [[2, 3, 16]], [[40, 3]]])('has the gradient of %j', (shape) => {
    const next = uniform(5);
    const d = shape.at(-1)!;
    const [x, weight, dy] = [normal(shape, next), normal([d], next), normal(shape, next)];
    const bias = new Float64Array(d);
    const [dx, dweight, dbias] = runKernel(LayerNormGrad, { x, weight, dy }, { eps });
    expectClose(
      dx,
      differences(x.values, (v) => inner(layerNorm(v, weight.values, bias), dy.values)),
      2e-5,
    );
    const byWeight = (v: Float64Array): number => inner(layerNorm(x.values, v, bias), dy.values);
    expectClose(dweight, differences(weight.values, byWeight), 1e-5);
    const byBias = (v: Float64Array): number => inner(layerNorm(x.values, weight.values, v), dy.values);
    expectClose(dbias, differences(bias, byBias), 1e-5);
  });

  it('does not lose the variance of values far from zero', () => {
    const x = floats([1, 4], [1000, 1001, 1002, 1003]);
    const [weight, bias] = [floats([4], [1, 1, 1, 1]), floats([4], [0, 0, 0, 0])];
    const [y] = runKernel(LayerNorm, { x, weight, bias }, { eps });
    expectClose(y, layerNorm(x.values, weight.values, bias.values), 1e-6);
  });
});
