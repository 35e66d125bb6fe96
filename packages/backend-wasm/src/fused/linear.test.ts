import { Linear, LinearGradWeight, LinearInto } from '@moect/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  count,
  expectClose,
  floats,
  normal,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

interface Case {
  /** [...leading, in] */
  readonly x: Values;
  /** [out, in] */
  readonly w: Values;
  /** [...leading, out] */
  readonly dy: Values;
}

function randomCase(leading: readonly number[], inSize: number, outSize: number): Case {
  const next = uniform(count(leading) + 31 * inSize + outSize);
  return {
    x: normal([...leading, inSize], next),
    w: normal([outSize, inSize], next),
    dy: normal([...leading, outSize], next),
  };
}

function reference({ x, w, dy }: Case): Record<'y' | 'dx' | 'dw', Float64Array> {
  const [outSize, inSize] = w.shape as [number, number];
  const rows = count(x.shape.slice(0, -1));
  const y = new Float64Array(rows * outSize);
  const dx = new Float64Array(rows * inSize);
  const dw = new Float64Array(outSize * inSize);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < outSize; o++) {
      const slope = dy.values[r * outSize + o]!;
      for (let i = 0; i < inSize; i++) {
        const weight = w.values[o * inSize + i]!;
        y[r * outSize + o]! += weight * x.values[r * inSize + i]!;
        dx[r * inSize + i]! += weight * slope;
        dw[o * inSize + i]! += slope * x.values[r * inSize + i]!;
      }
    }
  }
  return { y, dx, dw };
}

/** float32 sums of n terms of about 1: their rounding grows like the square root of n, times its largest deviations. */
const tolerance = (terms: number): number => 2e-6 * Math.sqrt(terms + 1);

const SHAPES: readonly (readonly [leading: readonly number[], inSize: number, outSize: number])[] = [
  [[1], 1, 1],
  [[2, 3], 5, 4],
  [[7], 33, 9],
  [[2, 1, 13], 50, 300],
  // beyond one block of products, with odd edges
  [[3, 45], 1037, 29],
  [[1030], 19, 530],
];

// 6 rows per micro-tile and fused multiply-add, or 4 and none
describe.each([
  ['relaxed SIMD on 2 threads', { threads: 2 }],
  ['plain SIMD', { threads: 1, relaxedSimd: false }],
])('linear on %s', (_name, options) => {
  beforeAll(() => startBackend(options).then(() => undefined));

  it.each(SHAPES)('rows %j, %i in, %i out: value and gradients', (leading, inSize, outSize) => {
    const { x, w, dy } = randomCase(leading, inSize, outSize);
    const expected = reference({ x, w, dy });
    const rows = count(leading);
    const [y] = runKernel(Linear, { x, w }, { transposeW: false });
    expect(y!.shape).toEqual(dy.shape);
    expectClose(y, expected.y, tolerance(inSize));
    const [dx] = runKernel(Linear, { x: dy, w }, { transposeW: true });
    expect(dx!.shape).toEqual(x.shape);
    expectClose(dx, expected.dx, tolerance(outSize));
    const [dw] = runKernel(LinearGradWeight, { x, dy });
    expect(dw!.shape).toEqual(w.shape);
    expectClose(dw, expected.dw, tolerance(rows));
  });

  it.each(SHAPES)('rows %j, %i in, %i out: adds to what is there', (leading, inSize, outSize) => {
    const { x, w, dy } = randomCase(leading, inSize, outSize);
    const sofar = normal(x.shape, uniform(5));
    const { dx } = reference({ x, w, dy });
    const [slope, weight, total] = [dy, w, sofar].map((v) =>
      tf.tensor(Float32Array.from(v.values), [...v.shape]),
    );
    const named = { x: slope!, w: weight!, total: total! } as unknown as tf.NamedTensorMap;
    const given = tf.engine().runKernel(LinearInto.name, named, { transposeW: true });
    expect(given).toEqual([]);
    const expected = sofar.values.map((value, i) => value + dx[i]!);
    expectClose(floats(x.shape, total!.dataSync()), expected, tolerance(outSize));
    tf.dispose([slope!, weight!, total!]);
  });

  it('without rows, inputs or outputs it gives what is empty or zero', () => {
    const [y] = runKernel(Linear, randomCase([0, 4], 3, 2) as never, { transposeW: false });
    expect([y!.shape, y!.values.length]).toEqual([[0, 4, 2], 0]);
    const none = randomCase([2], 0, 3);
    const [zeros] = runKernel(Linear, { x: none.x, w: none.w }, { transposeW: false });
    expect([...zeros!.values]).toEqual([0, 0, 0, 0, 0, 0]);
    const { x, dy } = randomCase([0], 3, 2);
    const [dw] = runKernel(LinearGradWeight, { x, dy });
    expect([...dw!.values]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('passes NaN and infinity on', () => {
    const x = floats([2, 2], [Number.NaN, 1, 1, Number.POSITIVE_INFINITY]);
    const w = floats([1, 2], [1, 2]);
    const [y] = runKernel(Linear, { x, w }, { transposeW: false });
    expect([...y!.values]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
  });

  it('refuses sizes that do not fit', () => {
    const { x, w } = randomCase([2], 3, 4);
    expect(() => runKernel(Linear, { x, w }, { transposeW: true })).toThrow(/Linear: x.*4/s);
    const { dy } = randomCase([5], 3, 4);
    expect(() => runKernel(LinearGradWeight, { x, dy })).toThrow(`${LinearGradWeight.name}: dy`);
  });
});
