import type { Tensor } from '@moect/core';
import { compressValues, widenValues } from '@moect/kernels';
import * as ops from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MoectWebgpuBackend } from '../backend.ts';
import type { SubgroupSize } from '../product-forms.ts';
import { type Program, runProgram } from '../program.ts';
import { noAdapter, skipNote } from '../test-support.ts';
import { type ProductOptions, type ProductSizes, product, productSource } from './mat-mul.ts';
import { subgroupProgram, subgroupTile } from './subgroup-product.ts';

const backend = (): MoectWebgpuBackend => tf.backend() as MoectWebgpuBackend;
const stock = (x: Tensor): tf.Tensor => x as unknown as tf.Tensor;
const values = async (x: Tensor): Promise<Float32Array> => (await x.data()) as Float32Array;

type Transposed = readonly [transposeA: boolean, transposeB: boolean];
const TRANSPOSED: readonly Transposed[] = [
  [false, false],
  [false, true],
  [true, false],
];

const sizesOf = (
  [m, n, k]: readonly [number, number, number],
  [transposeA, transposeB]: Transposed,
): ProductSizes => ({ m, n, k, transposeA, transposeB });

/** Both sides of a product. */
interface Operands {
  readonly a: Tensor;
  readonly b: Tensor;
}

function draw({ m, n, k, transposeA, transposeB }: ProductSizes): Operands {
  const rng = ops.createRng(3);
  return {
    a: ops.randomNormal(rng, transposeA ? [k, m] : [m, k], 1),
    b: ops.randomNormal(rng, transposeB ? [n, k] : [k, n], 1),
  };
}

/** y is 1 before the product if it accumulates, else 0, so that accumulation shows. */
async function multiply(
  { a, b }: Operands,
  sizes: ProductSizes,
  options: ProductOptions,
): Promise<Float32Array> {
  const y = ops.fill([sizes.m, sizes.n], options.accumulate === true ? 1 : 0);
  product(backend(), stock(a), stock(b), stock(y), sizes, options);
  const result = await values(y);
  y.dispose();
  return result;
}

/** The product in double precision. */
async function reference(
  { a, b }: Operands,
  { m, n, k, transposeA, transposeB }: ProductSizes,
): Promise<Float64Array> {
  const [x, w] = [await values(a), await values(b)];
  return Float64Array.from({ length: m * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    let sum = 0;
    for (let t = 0; t < k; t++) {
      sum += x[transposeA ? t * m + row : row * k + t]! * w[transposeB ? column * k + t : t * n + column]!;
    }
    return sum;
  });
}

const largestDifference = (a: Float32Array, b: ArrayLike<number>): number =>
  a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0);

/**
 * The program for a subgroup size that this adapter lacks: lanes share their values of `a` through workgroup
 * memory, once a round. The rest of the text is the same.
 */
function emulated({ isSubgroup: _, declarations = '', body, ...program }: Program): Program {
  const quads = [...body.matchAll(/let (a\d) =/g)].map(([, name]) => name!);
  const pass = quads.map((name, q) => `passed[${q}][lane] = ${name};`).join(' ');
  return {
    ...program,
    name: `emulated ${program.name}`,
    declarations: `${declarations}
var<workgroup> passed : array<array<vec4<f32>, ${program.lanes}>, ${quads.length}>;`,
    body: body
      .replace(/let (b0|terms0_0) =/, `workgroupBarrier(); ${pass} workgroupBarrier(); let $1 =`)
      .replace(/subgroupBroadcast\(a(\d)\[(\d)\], (\d+)u\)/g, 'passed[$1][$3][$2]'),
  };
}

describe.skipIf(noAdapter)(`products on WebGPU${skipNote}`, () => {
  beforeAll(async () => {
    await selectBackend('webgpu');
  });

  // an adapter chooses one of these by itself; tolerance: sums of 36 terms of size 1 in float32
  it.for(
    (['small', 'large', 'wide', 'subgroups'] as const).flatMap((form) =>
      TRANSPOSED.flatMap((transposed) => [
        [form, transposed, [72, 68, 36]] as const,
        [form, transposed, [70, 67, 35]] as const,
      ]),
    ),
  )('%s, transposed %j, %j', async ([form, transposed, shape], { skip }) => {
    skip(form === 'subgroups' && backend().products.subgroupSize === undefined, 'no subgroups of one size');
    const sizes = sizesOf(shape, transposed);
    const operands = draw(sizes);
    const options = form === 'subgroups' ? ({ form } as const) : ({ form: 'tiles', tile: form } as const);
    const result = await multiply(operands, sizes, options);
    expect(largestDifference(result, await reference(operands, sizes))).toBeLessThan(2e-5);
    expect(result).toEqual(await multiply(operands, sizes, { form: 'tiles' }));
    const added = await multiply(operands, sizes, { ...options, accumulate: true });
    expect(
      largestDifference(
        added,
        result.map((value) => value + 1),
      ),
    ).toBeLessThan(1e-6);
    ops.dispose([operands.a, operands.b]);
  });

  // GPUs have subgroups of 4 to 64; rounds of 4 or 8 terms, complete and incomplete
  it.each(
    ([4, 8, 16, 32, 64] as const).flatMap((lanes) =>
      TRANSPOSED.map((transposed) => [lanes, transposed] as const),
    ),
  )('subgroups of %i, transposed %j: the bits of tiles', async (lanes: SubgroupSize, transposed) => {
    for (const shape of [
      [20, 36, 44],
      [4, 264, 4],
    ] as const) {
      const sizes = sizesOf(shape, transposed);
      const { m, n, k } = sizes;
      const operands = draw(sizes);
      const y = ops.zeros([m, n]);
      const name = `product ${transposed} ${lanes}`;
      const program = emulated(subgroupProgram(productSource(name, sizes, false, undefined), lanes));
      const { rows, columns } = subgroupTile(lanes);
      const groups = Math.ceil(m / rows) * Math.ceil(n / columns);
      const tensors = { a: stock(operands.a), b: stock(operands.b), y: stock(y) };
      runProgram(backend(), program, groups, tensors, { m, n, k, aOffset: 0, bOffset: 0, yOffset: 0 });
      expect(await values(y), `${shape}`).toEqual(await multiply(operands, sizes, { form: 'tiles' }));
      ops.dispose([operands.a, operands.b, y]);
    }
  });

  describe('float16', () => {
    const frozenB = async (
      given: Float32Array,
      shape: readonly [number, number],
      storage: 'bfloat16' | 'int8',
    ): Promise<{ b: Tensor; widened: Float32Array }> => {
      const source = ops.tensor(given, shape);
      const b = await ops.compressFrozen(source, storage);
      source.dispose();
      return { b, widened: widenValues(compressValues(given, shape[0], storage)) };
    };

    // each weight changes by at most 2^-11 of itself or by 2^-14, and sums of 36 terms are rounded on top
    it.for(
      (['bfloat16', 'int8'] as const).flatMap((storage) => [
        [storage, [false, false], [72, 68, 36]] as const,
        [storage, [false, true], [72, 68, 36]] as const,
        [storage, [false, true], [70, 67, 35]] as const,
        [storage, [true, false], [70, 67, 35]] as const,
      ]),
    )('%s, transposed %j, %j: within its bound', async ([storage, transposed, shape], { skip }) => {
      skip(!backend().device.features.has('shader-f16'), 'no float16');
      const sizes = sizesOf(shape, transposed);
      const { m, n, k, transposeB } = sizes;
      const { a } = draw(sizes);
      // some below 2^-14, where float16 has fewer bits
      const given = ops
        .createRng(5)
        .normal(n * k)
        .map((value, i) => (i % 5 === 0 ? value * 1e-5 : value));
      const { b, widened } = await frozenB(given, transposeB ? [n, k] : [k, n], storage);
      for (const tile of ['small', 'large', 'wide'] as const) {
        const exact = await multiply({ a, b }, sizes, { form: 'tiles', tile });
        const half = await multiply({ a, b }, sizes, { form: 'float16', tile });
        expect(half, 'float16 is in use').not.toEqual(exact);
        const changes = ops.tensor(
          widened.map((w) => Math.max(Math.abs(w) * 2 ** -11, 2 ** -14)),
          transposeB ? [n, k] : [k, n],
        );
        const sizesOfA = ops.tensor((await values(a)).map(Math.abs), a.shape);
        const bound = await multiply({ a: sizesOfA, b: changes }, sizes, { form: 'tiles' });
        for (const [i, value] of half.entries()) {
          expect(Math.abs(value - exact[i]!)).toBeLessThanOrEqual(bound[i]! + 2e-5);
        }
        ops.dispose([changes, sizesOfA]);
      }
      expect(m * n).toBeGreaterThan(0);
      ops.dispose([a, b]);
    });

    it('leaves alone what is beyond its range', async () => {
      const sizes = sizesOf([8, 8, 8], [false, true]);
      const { a, b: other } = draw(sizes);
      const given = (await values(other)).map((value, i) => (i === 9 ? 70000 : value));
      for (const storage of ['bfloat16', 'int8'] as const) {
        const { b } = await frozenB(given, [8, 8], storage);
        const exact = await multiply({ a, b }, sizes, { form: 'tiles' });
        expect(exact.every(Number.isFinite)).toBe(true);
        expect(await multiply({ a, b }, sizes, { form: 'float16' })).toEqual(exact);
        b.dispose();
      }
      ops.dispose([a, other]);
    });
  });
});
