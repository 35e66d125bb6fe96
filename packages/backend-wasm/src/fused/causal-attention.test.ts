import { CausalAttention, CausalAttentionGrad } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  differences,
  expectClose,
  floats,
  inner,
  ints,
  normal,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

interface Sizes {
  readonly batch: number;
  readonly time: number;
  readonly keys: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headDim: number;
  readonly window: number;
  /** Share of positions where a new document starts; some documents are padding. */
  readonly cut: number;
  /** Cap of scores; 0: none. */
  readonly softcap: number;
}

type Inputs = Record<'q' | 'k' | 'v' | 'queryDocumentIds' | 'keyDocumentIds', Values>;

const NAMES = ['batch', 'time', 'keys', 'heads', 'keyHeads', 'headDim', 'window', 'cut', 'softcap'] as const;

function sizes(...numbers: number[]): Sizes {
  return Object.fromEntries(NAMES.map((name, i) => [name, numbers[i] ?? 0])) as unknown as Sizes;
}

function randomInputs(s: Sizes, seed: number): Inputs {
  const next = uniform(seed);
  const documents: number[] = [];
  const queries: number[] = [];
  for (let b = 0; b < s.batch; b++) {
    const row: number[] = [];
    let id = 0;
    for (let key = 0; key < s.keys; key++) {
      if (next() < s.cut) id = Math.floor(next() * 5) - 1;
      row.push(id);
    }
    documents.push(...row);
    queries.push(...row.slice(s.keys - s.time));
  }
  return {
    q: normal([s.batch, s.time, s.heads, s.headDim], next),
    k: normal([s.batch, s.keys, s.keyHeads, s.headDim], next),
    v: normal([s.batch, s.keys, s.keyHeads, s.headDim], next),
    queryDocumentIds: ints([s.batch, s.time], queries),
    keyDocumentIds: ints([s.batch, s.keys], documents),
  };
}

interface Result {
  out: Float64Array;
  logsumexp: Float64Array;
  dq: Float64Array;
  dk: Float64Array;
  dv: Float64Array;
}

/** Attention and its gradient for `dout`, key by key in float64. */
function reference(s: Sizes, x: Inputs, dout: Float64Array, scale: number): Result {
  const [q, k, v] = [x.q.values, x.k.values, x.v.values];
  const [dq, dk, dv] = [new Float64Array(q.length), new Float64Array(k.length), new Float64Array(v.length)];
  const out = new Float64Array(q.length);
  const logsumexp = new Float64Array(s.batch * s.heads * s.time).fill(Number.NEGATIVE_INFINITY);
  const d = s.headDim;
  const row = (a: Float64Array, at: number): Float64Array => a.subarray(at * d, (at + 1) * d);
  const add = (a: Float64Array, at: number, factor: number, b: Float64Array): void => {
    for (let i = 0; i < d; i++) a[at * d + i]! += factor * b[i]!;
  };
  for (let unit = 0; unit < logsumexp.length; unit++) {
    const [b, h, t] = [
      Math.floor(unit / s.time / s.heads),
      Math.floor(unit / s.time) % s.heads,
      unit % s.time,
    ];
    const at = (b * s.time + t) * s.heads + h;
    const position = s.keys - s.time + t;
    const keyAt = (key: number): number =>
      (b * s.keys + key) * s.keyHeads + Math.floor((h * s.keyHeads) / s.heads);
    const doc = x.queryDocumentIds.values[b * s.time + t]!;
    const seen = Array.from({ length: position + 1 }, (_, key) => key).filter(
      (key) =>
        x.keyDocumentIds.values[b * s.keys + key] === doc &&
        doc >= 0 &&
        (s.window === 0 || position - key < s.window),
    );
    if (seen.length === 0) continue;
    const raw = seen.map((key) => scale * inner(row(q, at), row(k, keyAt(key))));
    const scores = raw.map((x) => (s.softcap === 0 ? x : s.softcap * Math.tanh(x / s.softcap)));
    const capSlope = scores.map((y) => (s.softcap === 0 ? 1 : 1 - (y / s.softcap) ** 2));
    const top = Math.max(...scores);
    const lse = top + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - top), 0));
    logsumexp[unit] = lse;
    const weights = scores.map((score) => Math.exp(score - lse));
    for (const [j, key] of seen.entries()) add(out, at, weights[j]!, row(v, keyAt(key)));
    const delta = inner(row(out, at), row(dout, at));
    for (const [j, key] of seen.entries()) {
      const slope = weights[j]! * (inner(row(dout, at), row(v, keyAt(key))) - delta) * scale * capSlope[j]!;
      add(dq, at, slope, row(k, keyAt(key)));
      add(dk, keyAt(key), slope, row(q, at));
      add(dv, keyAt(key), weights[j]!, row(dout, at));
    }
  }
  return { out, logsumexp, dq, dk, dv };
}

/** Runs both kernels and compares; probabilities and products in float32 keep about 1e-6 of numbers near 1. */
function check(s: Sizes, x: Inputs, tolerance: number): void {
  const scale = 1 / Math.sqrt(s.headDim);
  const attrs = { scale, window: s.window, softcap: s.softcap };
  const dout = normal(x.q.shape, uniform(99));
  const expected = reference(s, x, dout.values, scale);
  const [out, logsumexp] = runKernel(CausalAttention, { ...x }, attrs);
  expect(out!.shape).toEqual(x.q.shape);
  expect(logsumexp!.shape).toEqual([s.batch, s.heads, s.time]);
  expectClose(out, expected.out, tolerance);
  expectClose(logsumexp, expected.logsumexp, tolerance);
  const saved = { out: out!, saved: logsumexp!, dout };
  const [dq, dk, dv] = runKernel(CausalAttentionGrad, { ...x, ...saved }, attrs);
  expectClose(dq, expected.dq, 2 * tolerance);
  // sums over all queries of a group
  expectClose(dk, expected.dk, 4 * tolerance);
  expectClose(dv, expected.dv, 4 * tolerance);
}

// 6 rows per micro-tile and fused multiply-add, or 4 and none
const builds = [
  ['relaxed SIMD on 2 threads', { threads: 2 }],
  ['plain SIMD', { threads: 1, relaxedSimd: false }],
] as const;

describe.each(builds)('CausalAttention with %s', (_, options) => {
  beforeAll(async () => {
    await startBackend(options);
  });

  // batch, time, keys, heads, keyHeads, headDim, window, cut
  it.each([
    [1, 1, 1, 1, 1, 1, 0, 0],
    [2, 3, 3, 2, 1, 3, 0, 0],
    [1, 8, 8, 1, 1, 8, 0, 0],
    [2, 13, 13, 4, 2, 7, 0, 0.2],
    [1, 20, 20, 3, 3, 16, 5, 0],
    [2, 33, 47, 6, 2, 12, 0, 0.1],
    [1, 49, 49, 7, 1, 10, 11, 0.1],
    [1, 64, 64, 2, 2, 32, 0, 0],
    [3, 97, 131, 2, 1, 33, 40, 0.03],
    [1, 130, 130, 4, 2, 64, 1, 0.02],
    [2, 12, 300, 2, 1, 6, 0, 0.01],
  ])('agrees with float64: batch %i, time %i of %i, heads %i:%i of %i, window %i, cuts %d', (...numbers) => {
    const s = sizes(...numbers);
    check(s, randomInputs(s, 1), 3e-6);
  });

  it.each([
    [1, 1, 500, 4, 2, 32, 0, 0],
    [2, 1, 37, 3, 1, 5, 0, 0.1],
    [1, 1, 700, 7, 1, 20, 64, 0.01],
    [1, 4, 90, 2, 2, 18, 3, 0.05],
  ])('decodes with a cache: batch %i, time %i of %i, heads %i:%i of %i, window %i', (...numbers) => {
    const s = sizes(...numbers);
    check(s, randomInputs(s, 2), 3e-6);
  });

  // key blocks are 384 long: running maxima, corrections and ranges that start in a later block
  it.each([
    [1, 500, 500, 1, 1, 8, 0, 0],
    [1, 60, 1200, 2, 1, 16, 0, 0],
    [1, 60, 1200, 1, 1, 16, 500, 0],
    [1, 40, 900, 1, 1, 4, 0, 0.004],
  ])('crosses key blocks: batch %i, time %i of %i, heads %i:%i of %i, window %i', (...numbers) => {
    const s = sizes(...numbers);
    check(s, randomInputs(s, 3), 1e-5);
  });

  // caps that scores of order 1 reach, with packed and few queries, windows and several key blocks
  it.each([
    [2, 13, 13, 4, 2, 7, 0, 0.2, 1.5],
    [1, 49, 49, 7, 1, 10, 11, 0.1, 0.7],
    [3, 97, 131, 2, 1, 33, 40, 0.03, 3],
    [1, 1, 500, 4, 2, 32, 0, 0, 1],
    [1, 4, 90, 2, 2, 18, 3, 0.05, 2],
    [1, 60, 1200, 2, 1, 16, 0, 0.01, 1],
  ])('caps scores: batch %i, time %i of %i, heads %i:%i of %i, window %i, cuts %d, cap %d', (...numbers) => {
    const s = sizes(...numbers);
    check(s, randomInputs(s, 5), 5e-6);
  });

  it.each([0, 0.8])('has the gradient that finite differences give, with cap %d', (softcap) => {
    const s = sizes(1, 9, 11, 4, 2, 3, 4, 0.2, softcap);
    const x = randomInputs(s, 4);
    const dout = normal(x.q.shape, uniform(5));
    const exact = reference(s, x, dout.values, 0.7);
    for (const name of ['q', 'k', 'v'] as const) {
      const loss = (values: Float64Array): number =>
        inner(reference(s, { ...x, [name]: { ...x[name], values } }, dout.values, 0.7).out, dout.values);
      expectClose(floats(x[name].shape, differences(x[name].values, loss)), exact[`d${name}`], 1e-6);
    }
  });

  it('stays right for scores of ±1000 that grow from key to key', () => {
    const s = sizes(1, 16, 800, 1, 1, 4, 0, 0);
    const x = randomInputs(s, 6);
    const k = x.k.values.map((_, i) => (i % 4 === 0 ? Math.floor(i / 4) * 2 - 800 : 0));
    const q = x.q.values.map((_, i) => (i % 4 === 0 ? 2 : 0));
    check(s, { ...x, q: floats(x.q.shape, q), k: floats(x.k.shape, k) }, 1e-4);
  });

  it.each([[1], [16]])('gives zeros where a query sees nothing (time %i)', (time) => {
    const s = sizes(1, time, 16, 2, 1, 4, 0, 0);
    const x = randomInputs(s, 7);
    const blind = { ...x, queryDocumentIds: ints([1, time], new Float64Array(time).fill(-1)) };
    check(s, blind, 0);
    const [out, logsumexp] = runKernel(CausalAttention, blind, { scale: 1, window: 0, softcap: 0 });
    expect(out!.values.every((v) => v === 0)).toBe(true);
    expect(logsumexp!.values.every((v) => v === Number.NEGATIVE_INFINITY)).toBe(true);
  });

  it.each([[2], [16]])('passes NaN on to those who see it (time %i)', (time) => {
    const s = sizes(1, time, 16, 1, 1, 4, 0, 0);
    const x = randomInputs(s, 8);
    const k = x.k.values.map((v, i) => (i === 15 * 4 ? Number.NaN : v));
    const [out] = runKernel(
      CausalAttention,
      { ...x, k: floats(x.k.shape, k) },
      { scale: 1, window: 0, softcap: 0 },
    );
    const nan = Array.from(out!.values, Number.isNaN);
    expect(nan).toEqual(nan.map((_, i) => i >= (time - 1) * 4));
  });

  it('takes empty batches and no queries', () => {
    for (const s of [sizes(0, 8, 8, 2, 1, 4, 0, 0), sizes(2, 0, 5, 2, 1, 4, 0, 0)])
      check(s, randomInputs(s, 9), 0);
  });

  it('refuses what does not fit', () => {
    const run = (x: Inputs, window = 0): unknown =>
      runKernel(CausalAttention, { ...x }, { scale: 1, window, softcap: 0 });
    const fits = randomInputs(sizes(1, 4, 4, 2, 1, 4, 0, 0), 1);
    expect(() => run(randomInputs(sizes(1, 4, 4, 3, 2, 4, 0, 0), 1))).toThrow('a divisor of 3 heads');
    expect(() =>
      run({ ...fits, q: normal([1, 5, 2, 4], uniform(1)), queryDocumentIds: ints([1, 5], [0, 0, 0, 0, 0]) }),
    ).toThrow('at least 5 keys');
    expect(() => run({ ...fits, v: normal([1, 4, 1, 3], uniform(1)) })).toThrow('v has shape');
    expect(() => run({ ...fits, keyDocumentIds: ints([1, 3], [0, 0, 0]) })).toThrow('keyDocumentIds');
    expect(() => run(fits, 1.5)).toThrow('window must be an integer');
  });
});
