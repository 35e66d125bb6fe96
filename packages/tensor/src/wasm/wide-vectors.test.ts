import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test } from 'vitest';
import { fuzzCases } from './fuzz-cases.ts';
import { layout } from './layout.ts';
import { draws, type FuzzCase, floats, runCases, startWasm } from './test-support.ts';
import { canBeWide, compileWide } from './wide-vectors.ts';

afterEach(() => tf.setBackend('cpu'));

/** Products with whole and partial tiles of 6 (or 4) rows and 16 columns, and more than one block of each size. */
function products(): FuzzCase[] {
  const draw = draws(31);
  const sizes = [
    [1024, 40, 24],
    [97, 600, 300],
    [6, 513, 16],
    [7, 8, 17],
    [65, 1030, 31],
    [48, 64, 256],
    [300, 3, 20],
  ];
  return sizes.flatMap(([m, k, n]) =>
    [false, true].map((transposed) => ({
      name: `${m} x ${k} x ${n} ${transposed ? 'TT' : 'NN'}`,
      inputs: transposed
        ? [floats(draw, [k!, m!]), floats(draw, [n!, k!])]
        : [floats(draw, [m!, k!]), floats(draw, [k!, n!])],
      run: (a?: tf.Tensor, b?: tf.Tensor) => tf.matMul(a!, b!, transposed, transposed),
      tolerance: 0,
    })),
  );
}

/** Names of the cases whose results differ in any bit. */
function different(
  cases: readonly FuzzCase[],
  one: ReturnType<typeof runCases>,
  other: typeof one,
): string[] {
  return cases.flatMap(({ name }, i) =>
    one[i]!.every((output, j) =>
      Buffer.from(output.values.buffer).equals(Buffer.from(other[i]![j]!.values.buffer)),
    )
      ? []
      : [name],
  );
}

for (const deterministic of [false, true]) {
  const build = deterministic ? 'plain SIMD' : 'relaxed SIMD';

  test(`${build}: the tile for 256-bit registers gives the bits of the other`, async () => {
    const { runtime } = await startWasm({ threads: 2, deterministic, wideVectors: false });
    const cases = products();
    const narrow = runCases(cases);
    runtime.i32()[layout.wide >> 2] = 1;
    expect(different(cases, narrow, runCases(cases))).toEqual([]);
  });

  test.skipIf(!canBeWide())(`${build}: 256-bit instructions give the bits of 128-bit ones`, async () => {
    const cases = [...products(), ...fuzzCases(draws(12), 1380)];
    const { runtime } = await startWasm({ deterministic, wideVectors: false });
    expect(runtime.wideVectors).toBe(false);
    const narrow = runCases(cases);
    const wide = await startWasm({ deterministic, wideVectors: true });
    expect(wide.runtime.wideVectors).toBe(true);
    for (const tile of [0, 1]) {
      wide.runtime.i32()[layout.wide >> 2] = tile;
      expect(different(cases, narrow, runCases(cases))).toEqual([]);
    }
  });
}

test('an engine that cannot make them compiles nothing', () => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  expect(compileWide(empty) !== undefined).toBe(canBeWide());
});
