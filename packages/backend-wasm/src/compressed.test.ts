import type { Tensor } from '@moect/core';
import {
  asTf,
  BLOCK_FORMATS,
  type BlockStorage,
  bytesOfRow,
  compressValues,
  isBlockStorage,
  type MatrixStorage,
  widenValues,
} from '@moect/kernels';
import {
  add,
  compressFrozen,
  createRng,
  embedding,
  frozenFromBlocks,
  linear,
  linearCrossEntropy,
  mul,
  selectBackend,
  sum,
  tensor,
  tidy,
  valueAndGrads,
  variable,
} from '@moect/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { randomBlocks, wholeBlocks } from 'moect-test-support/random-blocks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wasmHeapBytes } from './heap.ts';
import { registerWasmBackend } from './register.ts';
import { draws, floats, startWasm } from './test-support.ts';

const STORAGES = ['bfloat16', 'int8', ...(Object.keys(BLOCK_FORMATS) as BlockStorage[])] as const;
/** Sums of up to 1,200 products in another order, relative to the largest result. */
const SUM = 2e-5;

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  expect(actual.length, what).toBe(wanted.length);
  const bound = SUM * largest(wanted);
  const isFar = (value: number, i: number): boolean => !(Math.abs(value - wanted[i]!) <= bound);
  expect(Array.from(actual).findIndex(isFar), what).toBe(-1);
}

const expectSame = (actual: ArrayLike<number>, wanted: ArrayLike<number>, what?: string): void => {
  expect(actual.length, what).toBe(wanted.length);
  expect(
    Array.from(actual).findIndex((value, i) => value !== wanted[i]),
    what,
  ).toBe(-1);
};

/** Fewest columns, from `columns` on, that a row of this storage can have. */
const fitting = (storage: MatrixStorage, columns: number): number =>
  isBlockStorage(storage) ? wholeBlocks(storage, columns) : columns;

/** Random weights in this storage, with rows of unequal size, and the same as float32. */
async function weightPair(
  storage: MatrixStorage,
  rows: number,
  columns: number,
  seed = 1,
): Promise<{ frozen: Tensor; widened: Tensor }> {
  if (isBlockStorage(storage)) {
    const blocks = randomBlocks(storage, rows, columns, seed);
    return { frozen: frozenFromBlocks(blocks), widened: tensor(widenValues(blocks), [rows, columns]) };
  }
  const drawn = createRng(seed).normal(rows * columns);
  const values = drawn.map((value, i) => value * (1 + Math.floor(i / columns) / 300));
  const source = tensor(values, [rows, columns]);
  const frozen = await compressFrozen(source, storage);
  source.dispose();
  const widened = tensor(widenValues(compressValues(values, rows, storage)), [rows, columns]);
  return { frozen, widened };
}

beforeAll(() => startWasm({ threads: 2 }));
afterAll(() => tf.disposeVariables());

describe.each(STORAGES)('%s', (storage) => {
  test('products in all transpositions, on either side, and rows by number: as with the widened values', async () => {
    const draw = draws(STORAGES.indexOf(storage));
    for (let i = 0; i < 40; i++) {
      const size = (): number => draw.pick([1, 3, 8, draw.int(1, 20), draw.int(1, 70), draw.int(250, 600)]);
      const [m, stored, rows] = [draw.pick([1, 2, 4, 5, size()]), size(), draw.int(0, 9)];
      const long = draw.next() < 0.15 ? draw.int(500, 2600) : size();
      const [tA, tB, swapped] = [draw.next() < 0.3, draw.next() < 0.6, draw.next() < 0.2];
      const { frozen, widened } = await weightPair(storage, stored, fitting(storage, long), i + 1);
      const across = widened.shape[1]!;
      const [n, k] = tB ? [stored, across] : [across, stored];
      const x = floats(draw, tA ? [k, m] : [m, k]);
      const ids = tensor(
        Int32Array.from({ length: rows }, () => draw.int(0, stored - 1)),
        [rows],
        'int32',
      );
      const name = `${m}x${k}x${n} ${tA} ${tB} ${swapped}`;
      const product = (weight: unknown): Float32Array =>
        tf.tidy(() => {
          const [a, b] = [tf.tensor2d(x.values, x.shape as [number, number]), weight as tf.Tensor2D];
          return (swapped ? tf.matMul(b, a, !tB, !tA) : tf.matMul(a, b, tA, tB)).dataSync().slice();
        }) as unknown as Float32Array;
      expectClose(product(frozen), product(widened), name);
      const picked = embedding(frozen, ids);
      const wanted = embedding(widened, ids);
      expectSame(await picked.data(), await wanted.data(), name);
      expectSame(await frozen.data(), await widened.data(), name);
      tf.dispose([frozen, widened, ids, picked, wanted].map(asTf));
    }
  });

  // generation: from rows of zeros to sizes that no whole number of 32 bits has
  test.each([0, 1, 1e-30, 1e30])('one row of size %s, with groups of very unequal size', async (size) => {
    const width = fitting(storage, 1000);
    const { frozen, widened } = await weightPair(storage, 37, width, 3);
    const row = createRng(5)
      .normal(width)
      .map((value, i) => value * size * 10 ** -(i % 7) * (i % 96 < 32 ? 1e-6 : 1));
    const product = (weight: Tensor): Float32Array =>
      tf.tidy(() =>
        tf
          .matMul(tf.tensor2d(row, [1, width]), asTf(weight) as tf.Tensor2D, false, true)
          .dataSync()
          .slice(),
      ) as unknown as Float32Array;
    expectClose(product(frozen), product(widened), 'product');
    tf.dispose([frozen, widened].map(asTf));
  });

  test('cost memory in proportion, and no float32 copy is left after a training step', async () => {
    const rng = createRng(1);
    const values = rng.normal(1376 * 512);
    const before = wasmHeapBytes();
    const plain = tensor(values, [1376, 512]);
    tf.mul(asTf(plain), 1).dispose();
    const float32 = wasmHeapBytes() - before;
    plain.dispose();
    expect(wasmHeapBytes()).toBe(before);
    const { frozen, widened } = await weightPair(storage, 1376, 512);
    widened.dispose();
    const held = wasmHeapBytes() - before;
    // sizes of allocations come in classes
    expect(held / float32).toBeLessThanOrEqual((bytesOfRow(storage, 256) / 1024) * 1.13 + 0.01);
    const [x, start] = [tensor(rng.normal(32 * 512), [32, 512]), tensor(rng.normal(512), [512])];
    const adapter = variable(start);
    const step = (): void => {
      const loss = (): ReturnType<typeof sum> =>
        sum(linear(linear(mul(x, adapter), frozen), tf.transpose(asTf(frozen)) as never));
      const { value, gradients } = valueAndGrads(loss, new Map([['adapter', adapter]]));
      tf.dispose([value, ...gradients.values()].map(asTf));
    };
    step();
    const after = wasmHeapBytes();
    step();
    expect(wasmHeapBytes()).toBe(after);
    // x, the adapter and its source: far less than a widened copy
    expect(after - before - held).toBeLessThan(0.2 * float32);
    tf.dispose([frozen, x, start, adapter].map(asTf));
  });

  test('gradients of the input are those of the widened weight', async () => {
    const rng = createRng(2);
    // more rows than are packed at a time
    const width = fitting(storage, 33);
    const { frozen, widened } = await weightPair(storage, 1030, width);
    const start = tensor(rng.normal(9 * width, 0, 0.2), [9, width]);
    const x = variable(start);
    const y = tensor(rng.normal(9 * 1030), [9, 1030]);
    const targets = tensor(rng.integers(9, 1030), [9], 'int32');
    const lossOf = (weight: typeof frozen): typeof frozen => {
      const head = linearCrossEntropy([{ input: x, weight, trainable: false }], targets, 0.3);
      return add(sum(mul(linear(x, weight), y)), head.loss);
    };
    const gradient = async (weight: typeof frozen): Promise<ArrayLike<number>> => {
      const { value, gradients } = valueAndGrads(() => lossOf(weight), new Map([['x', x]]));
      const result = await gradients.get('x')!.data();
      tf.dispose([value, ...gradients.values()].map(asTf));
      return result;
    };
    expectClose(await gradient(frozen), await gradient(widened), 'gradient');
    tf.dispose([frozen, widened, start, x, y, targets].map(asTf));
  });

  // the head's weight is packed 1,024 rows at a time, each piece with its own codes and scales
  test.each([1024, 1025, 2500])('losses and gradients of a head of %i rows of unequal size', async (rows) => {
    const rng = createRng(9);
    const width = fitting(storage, 24);
    const { frozen, widened } = await weightPair(storage, rows, width);
    const start = tensor(rng.normal(9 * width, 0, 0.05), [9, width]);
    const x = variable(start);
    // targets from the first and the last rows
    const ids = Int32Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? i : rows - 1 - i));
    const targets = tensor(ids, [9], 'int32');
    const results = async (weight: typeof frozen): Promise<Float32Array[]> => {
      const head = (): ReturnType<typeof linearCrossEntropy> =>
        linearCrossEntropy([{ input: x, weight, trainable: false }], targets, 0.3);
      const { loss, tokenLosses } = tidy(head);
      const { value, gradients } = valueAndGrads(() => head().loss, new Map([['x', x]]));
      const found = [tokenLosses, value, gradients.get('x')!];
      const read = await Promise.all(found.map((result) => result.data()));
      tf.dispose([loss, ...found].map(asTf));
      return read as Float32Array[];
    };
    const [actual, expected] = [await results(frozen), await results(widened)];
    for (const [i, name] of ['token losses', 'loss', 'gradient'].entries()) {
      expectClose(actual[i]!, expected[i]!, name);
    }
    tf.dispose([frozen, widened, start, x, targets].map(asTf));
  });

  test('NaN and infinity of the input are passed on', async () => {
    const width = fitting(storage, 16);
    const { frozen, widened } = await weightPair(storage, 24, width);
    for (const rows of [1, 2, 9]) {
      const values = new Float32Array(rows * width).fill(1);
      values[3] = Number.NaN;
      if (rows > 1) values[width] = Number.POSITIVE_INFINITY;
      const result = tf.tidy(() =>
        tf
          .matMul(tf.tensor2d(values, [rows, width]), asTf(frozen) as tf.Tensor2D, false, true)
          .dataSync()
          .slice(),
      ) as unknown as Float32Array;
      expect(result.subarray(0, 24).every(Number.isNaN)).toBe(true);
      expect(result.subarray(24, 48).every((v) => !Number.isFinite(v))).toBe(true);
      expect(result.subarray(48).every(Number.isFinite)).toBe(true);
    }
    tf.dispose([frozen, widened].map(asTf));
  });

  test('a weight without elements', async () => {
    const { frozen, widened } = await weightPair(storage, 0, fitting(storage, 8));
    expect(await frozen.data()).toEqual(new Float32Array(0));
    tf.dispose([frozen, widened].map(asTf));
  });

  test('the cpu backend rounds the same way', async () => {
    const read = async (): Promise<ArrayLike<number>> => {
      const { frozen, widened } = await weightPair(storage, 50, fitting(storage, 20));
      const values = await frozen.data();
      tf.dispose([frozen, widened].map(asTf));
      return values;
    };
    const kept = await read();
    await selectBackend('cpu');
    expectSame(await read(), kept);
    await tf.setBackend('moect-wasm');
  });
});

test('bfloat16 keeps what came from bfloat16, int8 is within half a scale', () => {
  const values = createRng(7).normal(64 * 48, 0, 2);
  const words = new Uint32Array(values.slice().buffer).map((word) => word & 0xffff0000);
  const exact = new Float32Array(words.buffer);
  expect(widenValues(compressValues(exact, 64, 'bfloat16'))).toEqual(exact);
  const compressed = compressValues(values, 64, 'int8');
  const widened = widenValues(compressed);
  for (const [i, value] of values.entries()) {
    const scale = compressed.scales[Math.floor(i / 48)]!;
    // 127 · scale rounds to float32 by at most 2^-17 of a scale
    expect(Math.abs(value - widened[i]!)).toBeLessThanOrEqual(scale * (0.5 + 2 ** -17));
  }
});

test('variables, vectors, parameters under gradient and NaN in int8 are refused', async () => {
  const matrix = tensor([1, 2, 3, 4], [2, 2]);
  const trainable = variable(matrix);
  await expect(compressFrozen(trainable, 'int8')).rejects.toThrow('is a variable');
  const vector = tensor([1], [1]);
  await expect(compressFrozen(vector, 'int8')).rejects.toThrow('expected float32 [out, in]');
  const broken = tensor([1, Number.NaN], [1, 2]);
  await expect(compressFrozen(broken, 'int8')).rejects.toThrow('not finite');
  const frozen = await compressFrozen(matrix, 'bfloat16');
  expect(() => valueAndGrads(() => sum(frozen), new Map([['w', frozen]]))).toThrow(
    'w: is stored as bfloat16',
  );
  tf.dispose([matrix, trainable, vector, broken, frozen].map(asTf));
});

test('1, 2, 3 and 5 threads give the same bits', { timeout: 300_000 }, async () => {
  const rng = createRng(8);
  const inputs = rng.normal(40 * 768);
  const run = async (threads: number): Promise<number[]> => {
    tf.disposeVariables();
    await tf.setBackend('cpu');
    await registerWasmBackend({ threads });
    await tf.setBackend('moect-wasm');
    let results: number[] = [];
    for (const storage of STORAGES) {
      const width = fitting(storage, 517);
      const { frozen, widened } = await weightPair(storage, 301, width);
      const outputs = tf.tidy(() => {
        const x = tf.tensor2d(inputs.subarray(0, 40 * width), [40, width]);
        const y = tf.matMul(x, asTf(frozen) as tf.Tensor2D, false, true) as tf.Tensor2D;
        const few = tf.matMul(tf.slice(x, [0, 0], [3, width]), asTf(frozen) as tf.Tensor2D, false, true);
        const one = tf.matMul(tf.slice(x, [0, 0], [1, width]), asTf(frozen) as tf.Tensor2D, false, true);
        const back = tf.matMul(y, asTf(frozen) as tf.Tensor2D);
        return [y, few, one, back, tf.add(asTf(frozen), 0)].flatMap((t) => [...t.dataSync()]);
      }) as unknown as number[];
      results = results.concat(outputs);
      tf.dispose([frozen, widened].map(asTf));
    }
    return results;
  };
  const one = await run(1);
  for (const threads of [2, 3, 5]) {
    const many = await run(threads);
    expect(many.length).toBe(one.length);
    expect(many.findIndex((v, i) => !Object.is(v, one[i]))).toBe(-1);
  }
});
