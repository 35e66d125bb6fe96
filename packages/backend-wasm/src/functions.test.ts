import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { startWasm } from './test-support.ts';

beforeAll(async () => {
  await startWasm();
});

/** Numbers all over the float32 range, dense around 0 and where exp and log bend. */
function everywhere(): Float32Array {
  const list: number[] = [
    0, -0, 1, -1, 0.5, 88.72283, 88.7229, -87.33655, -103.9, -104.1, 1e30, -1e30, 3.4e38,
  ];
  for (let e = -148; e < 128; e++)
    for (const m of [1, 1.1, 1.45, 1.7, 1.99]) list.push(m * 2 ** e, -m * 2 ** e);
  for (let x = -110; x < 95; x += 0.0173) list.push(x);
  return Float32Array.from(list);
}

function erf(x: number): number {
  // series and continued fraction in float64
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  let term = z;
  let sum = z;
  for (let n = 1; n < 200; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
}

const functions: readonly [
  name: string,
  op: (x: tf.Tensor) => tf.Tensor,
  f: (x: number) => number,
  tolerance: number,
][] = [
  ['exp', tf.exp, Math.exp, 2.5e-7],
  ['expm1', tf.expm1, Math.expm1, 5e-7],
  ['log', tf.log, Math.log, 2e-7],
  ['log1p', tf.log1p, Math.log1p, 4e-7],
  ['sigmoid', tf.sigmoid, (x) => 1 / (1 + Math.exp(-x)), 4e-7],
  ['tanh', tf.tanh, Math.tanh, 3e-7],
  ['softplus', tf.softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), 6e-7],
  ['sqrt', tf.sqrt, Math.sqrt, 6.1e-8],
  ['rsqrt', tf.rsqrt, (x) => 1 / Math.sqrt(x), 1.3e-7],
  ['reciprocal', tf.reciprocal, (x) => 1 / x, 6.1e-8],
  ['elu', tf.elu, (x) => (x >= 0 ? x : Math.expm1(x)), 5e-7],
];

// 1 / (1 + e^-x) has no denormals: below -88.7 it is 0
const FLOOR: Record<string, number> = { sigmoid: 3e-39 };

test.each(functions)('%s is right over the whole range', async (name, op, f, tolerance) => {
  const xs = everywhere();
  const out = tf.tidy(() => op(tf.tensor1d(xs)));
  const ys = (await out.data()) as Float32Array;
  out.dispose();
  const wrong: string[] = [];
  for (const [i, x] of xs.entries()) {
    const want = f(x);
    const rounded = Math.fround(want);
    const y = ys[i]!;
    if (Object.is(y, rounded) || y === rounded || (Number.isNaN(y) && Number.isNaN(want))) continue;
    if (!(Math.abs(y - want) <= tolerance * Math.abs(want) + (FLOOR[name] ?? 6e-45)))
      wrong.push(`${x}: ${y}, not ${want}`);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
});

test('erf is within 3e-7', async () => {
  const xs = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 200);
  const ys = (await tf.tidy(() => tf.erf(tf.tensor1d(xs))).data()) as Float32Array;
  let worst = 0;
  for (const [i, x] of xs.entries()) worst = Math.max(worst, Math.abs(ys[i]! - erf(x)));
  expect(worst).toBeLessThan(3e-7);
});

test('NaN and infinities pass on', async () => {
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1];
  const at = async (run: (x: tf.Tensor1D) => tf.Tensor): Promise<number[]> => [
    ...(await tf.tidy(() => run(tf.tensor1d(special))).data()),
  ];
  const inf = Number.POSITIVE_INFINITY;
  expect(await at(tf.exp)).toEqual([Number.NaN, inf, 0, 1, Math.fround(Math.E)]);
  expect(await at(tf.log)).toEqual([Number.NaN, inf, Number.NaN, -inf, 0]);
  expect(await at(tf.tanh)).toEqual([Number.NaN, 1, -1, 0, Math.fround(Math.tanh(1))]);
  expect(await at(tf.relu)).toEqual([Number.NaN, inf, 0, 0, 1]);
  expect(await at(tf.sigmoid)).toEqual([Number.NaN, 1, 0, 0.5, Math.fround(1 / (1 + Math.exp(-1)))]);
  expect(await at((x) => tf.maximum(x, 0.5))).toEqual([Number.NaN, inf, 0.5, 0.5, 1]);
  expect(await at((x) => tf.minimum(0.5, x))).toEqual([Number.NaN, 0.5, -inf, 0, 0.5]);
  expect(await at((x) => tf.clipByValue(x, -2, 2))).toEqual([Number.NaN, 2, -2, 0, 1]);
  expect(await at((x) => tf.cast(tf.isNaN(x), 'float32'))).toEqual([1, 0, 0, 0, 0]);
  expect(await at((x) => tf.cast(tf.isFinite(x), 'int32'))).toEqual([0, 0, 0, 1, 1]);
  expect(await at((x) => tf.sum(x))).toEqual([Number.NaN]);
  expect(await at((x) => tf.max(x))).toEqual([Number.NaN]);
  expect(await at((x) => tf.matMul(tf.reshape(x, [5, 1]), tf.ones([1, 2])))).toEqual([
    ...[Number.NaN, Number.NaN, inf, inf, -inf, -inf, 0, 0, 1, 1],
  ]);
});

test('masked scores give softmax 0, not a small number', async () => {
  const x = tf.tensor2d([
    [0, Number.NEGATIVE_INFINITY, 0],
    [5, -1e9, 3],
  ]);
  const y = [...(await tf.tidy(() => tf.softmax(x)).data())];
  x.dispose();
  expect(y[1]).toBe(0);
  expect(y[4]).toBe(0);
  expect(y[0]).toBe(0.5);
  expect(y[3]! + y[5]!).toBeCloseTo(1, 6);
});

test('products with more than one block of k agree with float64, at every edge', async () => {
  for (const [m, k, n] of [
    [13, 300, 50],
    [13, 50, 300],
    [7, 257, 9],
    [97, 513, 8],
    [100, 256, 521],
    [1, 700, 1],
    [5, 600, 600],
  ] as const) {
    const a = tf.randomUniform<tf.Rank.R2>([m, k], -1, 1, 'float32', 3);
    const b = tf.randomUniform<tf.Rank.R2>([k, n], -1, 1, 'float32', 4);
    const c = tf.matMul(a, b);
    const [x, y, z] = await Promise.all([a.data(), b.data(), c.data()]);
    let worst = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += x[i * k + l]! * y[l * n + j]!;
        worst = Math.max(worst, Math.abs(sum - z[i * n + j]!));
      }
    }
    tf.dispose([a, b, c]);
    expect(worst, `${m}x${k}x${n}`).toBeLessThan(1e-5 * Math.sqrt(k));
  }
});
