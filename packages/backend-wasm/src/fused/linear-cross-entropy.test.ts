import { LinearCrossEntropy } from '@moect/kernels';
import * as ops from '@moect/tensor';
import { engine } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MoectWasmBackend } from '../backend.ts';
import {
  expectClose,
  ints,
  normal,
  randomInts,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

interface Sizes {
  readonly rows: number;
  readonly vocabSize: number;
  readonly widths: readonly number[];
  /** Tokens of the terms; absent or empty: all. */
  readonly listed?: readonly (readonly number[])[];
  /** 0: none. */
  readonly softcap?: number;
}

/** Tokens whose logits a term adds to. */
const tokensOf = ({ vocabSize, listed = [] }: Sizes, term: number): readonly number[] =>
  listed[term]?.length ? listed[term] : Array.from({ length: vocabSize }, (_, v) => v);

/** Losses and gradients of scale · Σ losses in float64: of the inputs, then of the weights. */
function reference(sizes: Sizes, all: Values[], targets: Values, scale: number) {
  const { rows, vocabSize, widths, softcap = 0 } = sizes;
  /** Row of a term's weight for a token; −1: none. */
  const rowsOf = widths.map((_, t) => {
    const tokens = tokensOf(sizes, t);
    return Array.from({ length: vocabSize }, (_, v) => tokens.indexOf(v));
  });
  const losses = new Float64Array(rows);
  const gradients = all.map(({ values }) => new Float64Array(values.length));
  for (let r = 0; r < rows; r++) {
    const sums = Float64Array.from({ length: vocabSize }, (_, v) =>
      widths.reduce((sum, d, t) => {
        let dot = sum;
        const row = rowsOf[t]![v]!;
        if (row < 0) return dot;
        for (let i = 0; i < d; i++)
          dot += all[2 * t]!.values[r * d + i]! * all[2 * t + 1]!.values[row * d + i]!;
        return dot;
      }, 0),
    );
    const logits = sums.map((x) => (softcap === 0 ? x : softcap * Math.tanh(x / softcap)));
    const target = targets.values[r]!;
    if (target < 0) continue;
    const top = Math.max(...logits);
    const total = logits.reduce((sum, x) => sum + Math.exp(x - top), 0);
    losses[r] = top + Math.log(total) - logits[target]!;
    for (let v = 0; v < vocabSize; v++) {
      const capSlope = softcap === 0 ? 1 : 1 - (logits[v]! / softcap) ** 2;
      const slope = scale * capSlope * (Math.exp(logits[v]! - top) / total - (v === target ? 1 : 0));
      for (const [t, d] of widths.entries()) {
        const row = rowsOf[t]![v]!;
        if (row < 0) continue;
        for (let i = 0; i < d; i++) {
          gradients[2 * t]![r * d + i]! += slope * all[2 * t + 1]!.values[row * d + i]!;
          gradients[2 * t + 1]![row * d + i]! += slope * all[2 * t]!.values[r * d + i]!;
        }
      }
    }
  }
  const [inputs, weights] = [0, 1].map((side) => gradients.filter((_, i) => i % 2 === side));
  return { losses, inputs: inputs!, weights: weights! };
}

function problem(sizes: Sizes): { all: Values[]; named: Record<string, Values>; targets: Values } {
  const next = uniform(4);
  const all = sizes.widths.flatMap((d, t) => [
    normal([sizes.rows, d], next),
    normal([tokensOf(sizes, t).length, d], next, 0.5),
  ]);
  const named = Object.fromEntries(all.map((x, i) => [`${i % 2 === 0 ? 'input' : 'weight'}${i >> 1}`, x]));
  for (const t of sizes.widths.keys()) {
    const tokens = sizes.listed?.[t] ?? [];
    named[`tokens${t}`] = ints([tokens.length], [...tokens]);
  }
  return { all, named, targets: randomInts([sizes.rows], next, -1, sizes.vocabSize) };
}

const cases: Sizes[] = [
  { rows: 1, vocabSize: 1, widths: [1] },
  { rows: 5, vocabSize: 7, widths: [3] },
  { rows: 33, vocabSize: 50, widths: [16, 5] },
  { rows: 256, vocabSize: 13, widths: [8] },
  { rows: 513, vocabSize: 30, widths: [6, 1] },
  { rows: 300, vocabSize: 520, widths: [270] },
  { rows: 70, vocabSize: 2100, widths: [9, 4] },
  { rows: 0, vocabSize: 4, widths: [3] },
  { rows: 5, vocabSize: 7, widths: [3, 3], listed: [[], [6, 0, 3]] },
  { rows: 300, vocabSize: 30, widths: [6, 4, 2], listed: [[], [29], [2, 17, 5, 11, 0]] },
  { rows: 33, vocabSize: 50, widths: [16, 5], softcap: 2 },
  { rows: 300, vocabSize: 521, widths: [27], softcap: 6 },
];

let backend: MoectWasmBackend;

// sums of up to 520 products of order 1 in float32, exp with relative error 2e-7
const TOLERANCE = 5e-5;

describe.each([
  ['relaxed SIMD on 2 threads', { threads: 2 }],
  ['plain SIMD', { threads: 1, relaxedSimd: false }],
] as const)('LinearCrossEntropy with %s', (_, options) => {
  beforeAll(async () => {
    backend = await startBackend(options);
  });

  it.each(cases)(
    'agrees with float64 on $rows rows, $vocabSize tokens, widths $widths, cap $softcap',
    (sizes) => {
      const { all, named, targets } = problem(sizes);
      const { losses, inputs, weights } = reference(sizes, all, targets, 0.25);
      const trainable = sizes.widths.map((_, i) => i === 0);
      const run = (withGradients: boolean): Values[] =>
        runKernel(
          LinearCrossEntropy,
          { ...named, targets },
          { trainable, scale: 0.25, softcap: sizes.softcap ?? 0, withGradients },
        );
      const results = run(true);
      const expected = [losses, ...inputs, weights[0]!];
      expect(results.length).toBe(expected.length);
      for (const [i, values] of expected.entries()) expectClose(results[i], values, TOLERANCE);
      const alone = run(false);
      expect(alone.length).toBe(1);
      expectClose(alone[0], losses, TOLERANCE);
    },
  );

  it('passes NaN on, to its row alone', () => {
    const { named, targets } = problem({ rows: 3, vocabSize: 5, widths: [4] });
    named['input0']!.values[4] = Number.NaN;
    const all = { ...named, targets: ints([3], [1, 2, 3]) };
    const attrs = { trainable: [false], scale: 1, softcap: 0, withGradients: true };
    const [losses, gradient] = runKernel(LinearCrossEntropy, all, attrs);
    expect([...losses!.values].map(Number.isNaN)).toEqual([false, true, false]);
    expect([...gradient!.values].map(Number.isNaN).lastIndexOf(true)).toBe(7);
    expect(targets.shape).toEqual([3]);
  });

  it('refuses targets outside of the vocabulary and weights that do not fit', () => {
    const { named } = problem({ rows: 2, vocabSize: 5, widths: [4] });
    const attrs = { trainable: [false], scale: 1, softcap: 0, withGradients: true };
    const run = (more: Record<string, Values>): unknown =>
      runKernel(LinearCrossEntropy, { ...named, ...more }, attrs);
    expect(() => run({ targets: ints([2], [0, 5]) })).toThrow('element 1 is 5');
    expect(() => run({ targets: ints([3], [0, 1, 2]) })).toThrow('expected float32 [3, 4]');
    expect(() => run({ targets: ints([2], [0, 1]), tokens0: ints([5], [0, 1, 2, 3, 4]) })).toThrow(
      'all tokens in the first term',
    );
  });
});

describe('linearCrossEntropy', () => {
  beforeAll(async () => {
    backend = await startBackend();
  });

  it('gives what whole logits give, without holding them', async () => {
    const [rows, vocabSize, width] = [2048, 4096, 32];
    const rng = ops.createRng(5);
    const input = ops.tensor(rng.normal(rows * width), [rows, width]);
    const weight = ops.tensor(rng.normal(vocabSize * width, 0, 0.3), [vocabSize, width]);
    const targets = ops.tensor(rng.integers(rows, vocabSize), [rows], 'int32');
    const named = new Map([
      ['input', input],
      ['weight', weight],
    ]);
    const peak = (loss: () => ReturnType<typeof ops.sum>) => {
      const { allocator } = backend.runtime;
      const [start, alloc] = [allocator.liveBytes, allocator.alloc];
      let most = 0;
      allocator.alloc = (bytes) => {
        const pointer = alloc.call(allocator, bytes);
        most = Math.max(most, allocator.liveBytes - start);
        return pointer;
      };
      const result = ops.tidy(() => ops.valueAndGrads(loss, named));
      allocator.alloc = alloc;
      return { most, ...result };
    };
    const whole = peak(() =>
      ops.mul(ops.sum(ops.crossEntropy(ops.linear(input, weight), targets)), 1 / rows),
    );
    const blocks = peak(
      () => ops.linearCrossEntropy([{ input, weight, trainable: true }], targets, 1 / rows).loss,
    );
    const logitsBytes = rows * vocabSize * 4;
    expect(whole.most).toBeGreaterThan(2 * logitsBytes);
    // 256 rows of 2,048, and the weight in panels
    expect(blocks.most).toBeLessThan(0.25 * logitsBytes);
    const [a, b] = [await whole.value.data(), await blocks.value.data()];
    expect(Math.abs(a[0]! - b[0]!)).toBeLessThan(1e-6 * a[0]!);
    for (const name of named.keys()) {
      const expected = Float64Array.from(await whole.gradients.get(name)!.data());
      const got = await blocks.gradients.get(name)!.data();
      const largest = expected.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
      const off = expected.reduce((m, x, i) => Math.max(m, Math.abs(x - got[i]!)), 0);
      expect(off / largest).toBeLessThan(1e-5);
    }
    ops.dispose([whole, blocks, input, weight, targets]);
    expect(engine().memory().numTensors).toBe(0);
  });
});
