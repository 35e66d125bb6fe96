import { Rope } from '@moect/kernels';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  count,
  expectClose,
  floats,
  inner,
  ints,
  normal,
  randomInts,
  runKernel,
  startBackend,
  uniform,
} from './test-support.ts';

/** cos and sin of position / 10000^(2 i / headDim). */
function tables(positions: number, headDim: number): Record<'cos' | 'sin', ReturnType<typeof floats>> {
  const half = headDim / 2;
  const angle = Array.from(
    { length: positions * half },
    (_, i) => Math.floor(i / half) / 10000 ** (((i % half) * 2) / headDim),
  );
  return {
    cos: floats([positions, half], angle.map(Math.cos)),
    sin: floats([positions, half], angle.map(Math.sin)),
  };
}

function rotate(
  x: Float64Array,
  shape: readonly number[],
  positions: Float64Array,
  { cos, sin }: ReturnType<typeof tables>,
  sign: number,
): Float64Array {
  const [, , heads, headDim] = shape as [number, number, number, number];
  const half = headDim / 2;
  return x.map((v, i) => {
    const lane = i % headDim;
    const at = positions[Math.floor(i / (heads * headDim))]! * half + (lane % half);
    const other = lane < half ? -x[i + half]! : x[i - half]!;
    return v * cos.values[at]! + sign * other * sin.values[at]!;
  });
}

beforeAll(async () => {
  await startBackend();
});

describe('Rope', () => {
  it.each([
    [[1, 1, 1, 2]],
    [[2, 3, 1, 6]],
    [[2, 5, 3, 10]],
    [[3, 17, 4, 32]],
    [[1, 2, 2, 64]],
    [[2, 0, 2, 4]],
  ])('rotates %j as Hugging Face does, and back', (shape) => {
    const next = uniform(1);
    const x = normal(shape, next);
    const positions = randomInts(shape.slice(0, 2), next, 0, 40);
    const table = tables(40, shape[3]!);
    for (const [inverse, sign] of [
      [false, 1],
      [true, -1],
    ] as const) {
      const [y] = runKernel(Rope, { x, ...table, positions }, { inverse });
      expect(y!.shape).toEqual(shape);
      // two products of numbers below 4, one addition
      expectClose(y, rotate(x.values, shape, positions.values, table, sign), 1e-6);
    }
  });

  it('has its inverse as gradient', () => {
    const shape = [2, 4, 3, 8];
    const next = uniform(2);
    const [x, dy] = [normal(shape, next), normal(shape, next)];
    const positions = randomInts([2, 4], next, 0, 9);
    const table = tables(9, 8);
    const [dx] = runKernel(Rope, { x: dy, ...table, positions }, { inverse: true });
    const y = rotate(x.values, shape, positions.values, table, 1);
    // <R x, dy> = <x, R^T dy>
    expect(inner(dx!.values, x.values)).toBeCloseTo(inner(y, dy.values), 4);
  });

  it('passes NaN on in its pair only', () => {
    const x = floats([1, 1, 1, 4], [Number.NaN, 1, 1, 1]);
    const [y] = runKernel(Rope, { x, ...tables(2, 4), positions: ints([1, 1], [1]) }, { inverse: false });
    expect(Array.from(y!.values, Number.isNaN)).toEqual([true, false, true, false]);
  });

  it.each([[-1], [5]])('refuses position %i of a table of 5', (position) => {
    const shape = [1, 2, 1, 4];
    const x = floats(shape, new Float64Array(count(shape)));
    const inputs = { x, ...tables(5, 4), positions: ints([1, 2], [0, position]) };
    expect(() => runKernel(Rope, inputs, { inverse: false })).toThrow(`element 1 is ${position}`);
  });

  it('refuses an odd head size', () => {
    const x = floats([1, 1, 1, 3], [1, 2, 3]);
    expect(() =>
      runKernel(Rope, { x, ...tables(2, 4), positions: ints([1, 1], [0]) }, { inverse: false }),
    ).toThrow('expected float32 [1, 1, 1, 4]');
  });
});
