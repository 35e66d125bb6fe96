import type { Tensor } from '@moect/core';
import { BLOCK_FORMATS, type BlockStorage, type CompressedStorage } from '@moect/kernels';
import { fixtureTensors } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { noAdapter } from '../../../backend-webgpu/src/test-support.ts';
import * as ops from '../index.ts';
import { type BackendName, selectBackend, testBackends } from '../testing.ts';

const HERE: readonly BackendName[] = noAdapter ? [] : ['webgpu'];
const BACKENDS: readonly BackendName[] = [...new Set([...testBackends(), ...HERE])];
const STORAGES: readonly CompressedStorage[] = ['bfloat16', 'int8'];

/** Largest relative rounding error of a float32 operation. */
const UNIT = 2 ** -24;

interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

const matrix = (rows: number, columns: number, at: (row: number, column: number) => number): Matrix => ({
  values: Float32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns)),
  rows,
  columns,
});

const transposed = ({ values, rows, columns }: Matrix): Matrix =>
  matrix(columns, rows, (row, column) => values[column * columns + row]!);

/** The stated bound of each weight: half a unit in the last place of bfloat16, or half a step of its row. */
function weightBounds({ values, rows, columns }: Matrix, storage: CompressedStorage): Matrix {
  const step = (row: number): number =>
    values.subarray(row * columns, (row + 1) * columns).reduce((most, w) => Math.max(most, Math.abs(w)), 0) /
    127;
  const steps = Array.from({ length: rows }, (_, row) => step(row));
  // a step and its multiples are rounded to float32
  return matrix(rows, columns, (row, column) =>
    storage === 'int8' ? steps[row]! * (0.5 + 2 ** -16) : Math.abs(values[row * columns + column]!) * 2 ** -8,
  );
}

/** a · bᵀ in float64. */
function product(a: Matrix, b: Matrix, f: (x: number) => number = (x) => x): Float64Array {
  const result = new Float64Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++)
        sum += f(a.values[i * a.columns + k]!) * f(b.values[j * b.columns + k]!);
      result[i * b.rows + j] = sum;
    }
  }
  return result;
}

/** |x · wᵀ − x · w′ᵀ| ≤ Σ |x| · bound, and float32 sums of k terms round by k units of Σ |x| |w|. */
function productBounds(x: Matrix, w: Matrix, bounds: Matrix): Float64Array {
  const storage = product(x, bounds, Math.abs);
  const sums = product(x, w, Math.abs);
  return storage.map((bound, i) => bound + 1.01 * x.columns * UNIT * (sums[i]! + bound));
}

/** Largest error as a share of its bound. */
function worstShare(actual: ArrayLike<number>, exact: Float64Array, bounds: Float64Array): number {
  expect(actual.length).toBe(exact.length);
  return exact.reduce((worst, y, i) => Math.max(worst, Math.abs(actual[i]! - y) / bounds[i]!), 0);
}

const tensorOf = ({ values, rows, columns }: Matrix): Tensor => ops.tensor(values, [rows, columns]);

async function compressed(w: Matrix, storage: CompressedStorage): Promise<Tensor> {
  const source = tensorOf(w);
  const frozen = await ops.compressFrozen(source, storage);
  source.dispose();
  return frozen;
}

async function read(result: Tensor): Promise<Float32Array> {
  const values = (await result.data()) as Float32Array;
  result.dispose();
  return values;
}

/** Errors of x · wᵀ, of its gradient dy · w and of the rows themselves, as shares of their bounds. */
async function shares(x: Matrix, dy: Matrix, w: Matrix, storage: CompressedStorage): Promise<number[]> {
  const frozen = await compressed(w, storage);
  const bounds = weightBounds(w, storage);
  const [start, slopes] = [tensorOf(x), tensorOf(dy)];
  const input = ops.variable(start);
  const forward = await read(ops.linear(input, frozen));
  const { value, gradients } = ops.valueAndGrads(
    () => ops.sum(ops.mul(ops.linear(input, frozen), slopes)),
    new Map([['x', input]]),
  );
  const backward = await read(gradients.get('x')!);
  const ids = ops.tensor(
    Int32Array.from({ length: w.rows }, (_, i) => i),
    [w.rows],
    'int32',
  );
  const rows = await read(ops.embedding(frozen, ids));
  ops.dispose([frozen, start, input, slopes, value, ids]);
  const [wt, boundsT] = [transposed(w), transposed(bounds)];
  return [
    worstShare(forward, product(x, w), productBounds(x, w, bounds)),
    worstShare(backward, product(dy, wt), productBounds(dy, wt, boundsT)),
    // bounds of a row of zeros are 0
    worstShare(
      rows,
      Float64Array.from(w.values),
      Float64Array.from(bounds.values, (b) => b + 1e-30),
    ),
  ];
}

describe.each(BACKENDS)('error of compressed weights on %s, against float64', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  describe.each(STORAGES)('%s', (storage) => {
    it.each([
      [1, 9, 5],
      [3, 40, 33],
      [24, 64, 68],
      [40, 300, 130],
    ])('random weights, %i rows, %i → %i: within the bound', async (m, inSize, outSize) => {
      const rng = ops.createRng(m);
      const draw = (rows: number, columns: number): Matrix => ({
        values: rng.normal(rows * columns),
        rows,
        columns,
      });
      const drawn = draw(outSize, inSize);
      const w = matrix(
        outSize,
        inSize,
        (row, column) => drawn.values[row * inSize + column]! * (1 + (row % 11)),
      );
      const found = await shares(draw(m, inSize), draw(m, outSize), w, storage);
      for (const share of found) expect(share).toBeLessThanOrEqual(1);
      // each weight alone comes near its bound, sums stay far below theirs
      expect(found[2]).toBeGreaterThan(0.8);
    });

    it('weights halfway between two steps: within the bound, and nearly at it', async () => {
      // int8: the largest of a row is 127, so that a step is 1
      const halfway = storage === 'int8' ? (k: number) => (k < 2 ? 127 : (k % 50) + 0.5) : () => 1 + 2 ** -8;
      const w = matrix(64, 64, (row, column) => halfway((row + column) % 64));
      const ones = matrix(5, 64, () => 1);
      for (const share of await shares(ones, ones, w, storage)) {
        expect(share).toBeLessThanOrEqual(1);
        expect(share).toBeGreaterThan(0.9);
      }
    });

    it('losses of a head: within twice the bound of its logits', async () => {
      const rng = ops.createRng(7);
      const [x, w] = [
        matrix(13, 48, () => rng.uniform(1, -1)[0]!),
        matrix(90, 48, (row) => rng.uniform(1, -0.2, 0.2)[0]! * (1 + (row % 5))),
      ];
      const ids = rng.integers(13, 90);
      const [input, weight, targets] = [
        tensorOf(x),
        await compressed(w, storage),
        ops.tensor(ids, [13], 'int32'),
      ];
      const { loss, tokenLosses } = ops.tidy(() =>
        ops.linearCrossEntropy([{ input, weight, trainable: false }], targets, 1),
      );
      const losses = await read(tokenLosses);
      ops.dispose([loss, input, weight, targets]);
      const logits = product(x, w);
      const bounds = productBounds(x, w, weightBounds(w, storage));
      for (const [row, actual] of losses.entries()) {
        const of = (values: Float64Array): Float64Array => values.subarray(row * 90, (row + 1) * 90);
        const exact = Math.log(of(logits).reduce((sum, z) => sum + Math.exp(z), 0)) - of(logits)[ids[row]!]!;
        // logits are near 10, exponentials are right to a few units in the last place
        const bound = 2 * Math.max(...of(bounds)) + 1e-5;
        expect(Math.abs(actual - exact)).toBeLessThanOrEqual(bound);
      }
    });
  });
});

const fixtures = fixtureTensors('blocks/blocks.safetensors');

describe.each(BACKENDS)("GGML's blocks on %s, against the gguf package", (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each(Object.keys(BLOCK_FORMATS) as BlockStorage[])('%s: values, rows and products', async (storage) => {
    const { data, shape } = fixtures.get(`${storage}.values`)!;
    const [rows, columns] = shape as [number, number];
    const codes = new Uint8Array(fixtures.get(`${storage}.codes`)!.data.buffer);
    const frozen = ops.frozenFromBlocks({ storage, codes, rows, columns });
    const ids = ops.tensor(Int32Array.of(3, 0, 2), [3], 'int32');
    expect(ops.frozenStorageOf(frozen)).toBe(storage);
    expect(await frozen.data()).toEqual(data);
    const picked = await read(ops.embedding(frozen, ids));
    const w: Matrix = { values: data as Float32Array, rows, columns };
    const none: Matrix = { values: new Float32Array(data.length), rows, columns };
    const x = matrix(3, columns, (row, column) => Math.sin(row + 1.7 * column));
    const input = tensorOf(x);
    const result = await read(ops.linear(input, frozen));
    const kept = [3, 0, 2].flatMap((row) => [...data.subarray(row * columns, (row + 1) * columns)]);
    // a device may fuse a block's product and minimum: one rounding of each
    const isClose = (value: number, i: number): boolean =>
      Math.abs(value - kept[i]!) <= 2 ** -21 * Math.abs(kept[i]!) + 2 ** -20;
    expect([...picked].every(backend === 'webgpu' ? isClose : (value, i) => value === kept[i])).toBe(true);
    expect(worstShare(result, product(x, w), productBounds(x, w, none))).toBeLessThanOrEqual(1);
    ops.dispose([frozen, ids, input]);
  });
});
