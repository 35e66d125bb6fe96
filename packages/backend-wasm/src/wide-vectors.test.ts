import { fromTf } from '@moect/kernels';
import * as ops from '@moect/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test } from 'vitest';
import { fuzzCases } from './fuzz.test-support.ts';
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

/** Value and gradients of the operations whose kernels have loops of their own. */
function fused(): FuzzCase[] {
  const draw = draws(32);
  const make = (
    name: string,
    shapes: readonly number[][],
    f: (...inputs: ReturnType<typeof fromTf>[]) => ReturnType<typeof fromTf>,
  ): FuzzCase => ({
    name,
    inputs: shapes.map((shape) => floats(draw, shape)),
    run: (...tensors) => {
      const inputs = tensors.map(fromTf);
      const parameters = new Map(inputs.map((input, i) => [`${i}`, input]));
      const { value, gradients } = ops.valueAndGrads(() => ops.sum(ops.square(f(...inputs))), parameters);
      return [value, ...gradients.values()] as unknown as tf.Tensor[];
    },
    tolerance: 0,
  });
  return [
    make('gelu', [[7, 13]], (x) => ops.gelu(x!)),
    make('gelu tanh', [[7, 13]], (x) => ops.gelu(x!, 'tanh')),
    make(
      'swiglu',
      [
        [5, 11],
        [5, 11],
      ],
      (gate, up) => ops.swiglu(gate!, up!),
    ),
    ...[
      [1, 50, 2, 16],
      [2, 97, 1, 33],
      [1, 400, 1, 6],
    ].map(([batch, time, heads, size]) =>
      make(
        `attention of ${time}`,
        [0, 1, 2].map(() => [batch!, time!, heads!, size!]),
        (q, k, v) => {
          const ids = ops.zeros([batch!, time!], 'int32');
          return ops.causalAttention(q!, k!, v!, { scale: 0.2, queryDocumentIds: ids, keyDocumentIds: ids });
        },
      ),
    ),
  ];
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
    const cases = [...products(), ...fused()];
    const narrow = runCases(cases);
    runtime.i32()[layout.wide >> 2] = 1;
    expect(different(cases, narrow, runCases(cases))).toEqual([]);
  });

  test.skipIf(!canBeWide())(`${build}: 256-bit instructions give the bits of 128-bit ones`, async () => {
    const cases = [...products(), ...fused(), ...fuzzCases(draws(12), 1380)];
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
