import { GroupedMatMul, GroupedMatMulGradWeight } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectClose,
  floats,
  ints,
  normal,
  runKernel,
  startBackend,
  uniform,
  type Values,
} from './test-support.ts';

/** Splits rows among experts at random, some of them empty. */
function randomOffsets(experts: number, rows: number, next: () => number): Values {
  const cuts = Array.from({ length: experts - 1 }, () => Math.floor(next() * (rows + 1))).sort(
    (a, b) => a - b,
  );
  return ints([experts + 1], [0, ...cuts, rows]);
}

function expertOf(offsets: Values, row: number): number {
  return offsets.values.findIndex((end, e) => e > 0 && row < end) - 1;
}

interface Case {
  readonly x: Values;
  readonly dy: Values;
  readonly w: Values;
  readonly offsets: Values;
}

function randomCase(experts: number, rows: number, inSize: number, outSize: number): Case {
  const next = uniform(rows + inSize);
  return {
    x: normal([rows, inSize], next),
    dy: normal([rows, outSize], next),
    w: normal([experts, outSize, inSize], next),
    offsets: randomOffsets(experts, rows, next),
  };
}

function reference({ x, dy, w, offsets }: Case): Record<'y' | 'dx' | 'dw', Float64Array> {
  const [, outSize, inSize] = w.shape as [number, number, number];
  const y = new Float64Array(dy.values.length);
  const dx = new Float64Array(x.values.length);
  const dw = new Float64Array(w.values.length);
  for (let r = 0; r < x.shape[0]!; r++) {
    const expert = expertOf(offsets, r) * outSize;
    for (let o = 0; o < outSize; o++) {
      for (let i = 0; i < inSize; i++) {
        const at = (expert + o) * inSize + i;
        y[r * outSize + o]! += w.values[at]! * x.values[r * inSize + i]!;
        dx[r * inSize + i]! += w.values[at]! * dy.values[r * outSize + o]!;
        dw[at]! += dy.values[r * outSize + o]! * x.values[r * inSize + i]!;
      }
    }
  }
  return { y, dx, dw };
}

// 6 rows per micro-tile and fused multiply-add, or 4 and none
const builds = [
  ['relaxed SIMD on 2 threads', { threads: 2 }],
  ['plain SIMD', { threads: 1, relaxedSimd: false }],
] as const;

describe.each(builds)('GroupedMatMul with %s', (_, options) => {
  beforeAll(async () => {
    await startBackend(options);
  });

  // experts, rows, in, out; sums have up to 300 terms about 1: float32 keeps 1e-5
  it.each([
    [1, 1, 1, 1],
    [3, 5, 7, 4],
    [2, 7, 130, 9],
    [4, 8, 8, 8],
    [3, 13, 50, 30],
    [5, 40, 300, 17],
    [2, 700, 20, 13],
    [16, 100, 33, 65],
    [8, 250, 64, 100],
    [1, 97, 5, 601],
    [3, 0, 4, 5],
    [40, 20, 6, 3],
  ])('agrees with float64: %i experts, %i rows, %i to %i, all three products', (...numbers) => {
    const given = randomCase(...(numbers as [number, number, number, number]));
    const { x, dy, w, offsets } = given;
    const expected = reference(given);
    const [y] = runKernel(GroupedMatMul, { x, w, offsets }, { transposeW: false });
    expect(y!.shape).toEqual(dy.shape);
    expectClose(y, expected.y, 2e-5);
    const [dx] = runKernel(GroupedMatMul, { x: dy, w, offsets }, { transposeW: true });
    expect(dx!.shape).toEqual(x.shape);
    expectClose(dx, expected.dx, 2e-5);
    const [dw] = runKernel(GroupedMatMulGradWeight, { x, dy, offsets }, { numExperts: w.shape[0] });
    expect(dw!.shape).toEqual(w.shape);
    expectClose(dw, expected.dw, 4e-5);
  });

  it('gives zero gradients to experts without rows', () => {
    const given = { ...randomCase(3, 10, 4, 5), offsets: ints([4], [0, 0, 10, 10]) };
    const [dw] = runKernel(GroupedMatMulGradWeight, given as never, { numExperts: 3 });
    expect(dw!.values.subarray(0, 20).every((v) => v === 0)).toBe(true);
    expect(dw!.values.subarray(40).every((v) => v === 0)).toBe(true);
  });

  it.each([[4], [20]])('passes NaN on in its row only (%i rows)', (rows) => {
    const { x, w } = randomCase(2, rows, 4, 3);
    const spoilt = floats(
      x.shape,
      x.values.map((v, i) => (i === 5 ? Number.NaN : v)),
    );
    const [y] = runKernel(
      GroupedMatMul,
      { x: spoilt, w, offsets: ints([3], [0, 2, rows]) },
      { transposeW: false },
    );
    const nan = Array.from(y!.values, Number.isNaN);
    expect(nan).toEqual(nan.map((_, i) => i >= 3 && i < 6));
  });

  it.each([[[1, 2, 5]], [[0, 3, 4]], [[0, 6, 5]]])('refuses offsets %j for 5 rows', (bounds) => {
    const { x, dy, w } = randomCase(2, 5, 3, 2);
    const offsets = ints([3], bounds);
    expect(() => runKernel(GroupedMatMul, { x, w, offsets }, { transposeW: false })).toThrow('rising from 0');
    expect(() => runKernel(GroupedMatMulGradWeight, { x, dy, offsets }, { numExperts: 2 })).toThrow(
      'rising from 0',
    );
  });

  it('refuses rows of another width', () => {
    const { x, w, offsets } = randomCase(2, 5, 3, 2);
    expect(() => runKernel(GroupedMatMul, { x, w, offsets }, { transposeW: true })).toThrow(
      'expected float32',
    );
  });
});

describe('GroupedMatMul on any number of threads', () => {
  it('gives the same bits, however unevenly rows are spread', async () => {
    const { x, dy, w } = randomCase(6, 700, 70, 131);
    const offsets = ints([7], [0, 0, 31, 510, 511, 511, 700]);
    const results: Values[][] = [];
    for (const threads of [1, 2, 3, 5]) {
      await startBackend({ threads });
      const products = [
        runKernel(GroupedMatMul, { x, w, offsets }, { transposeW: false }),
        runKernel(GroupedMatMul, { x: dy, w, offsets }, { transposeW: true }),
        runKernel(GroupedMatMulGradWeight, { x, dy, offsets }, { numExperts: 6 }),
      ];
      results.push(products.map(([product]) => product!));
    }
    const expected = reference({ x, dy, w, offsets });
    for (const [i, name] of (['y', 'dx', 'dw'] as const).entries()) {
      expectClose(results[0]![i], expected[name], 1e-4);
      for (const other of results) expect(other[i]!.values).toEqual(results[0]![i]!.values);
    }
  });
});
