import type { Tensor } from '@moect/core';
import {
  BLOCK_FORMATS,
  type BlockStorage,
  bytesOfRow,
  compressValues,
  isBlockStorage,
  widenValues,
} from '@moect/kernels';
import * as ops from '@moect/tensor';
import { leakedTensors, selectBackend } from '@moect/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { randomBlocks, wholeBlocks } from 'moect-test-support/random-blocks';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MoectWebgpuBackend } from './backend.ts';
import { product as multiply } from './kernels/mat-mul.ts';
import { noAdapter, skipNote } from './test-support.ts';

const STORAGES = ['bfloat16', 'int8', ...(Object.keys(BLOCK_FORMATS) as BlockStorage[])] as const;
type Storage = (typeof STORAGES)[number];
/** Storages that add a minimum to a product, which a device may fuse. */
const FUSED: readonly Storage[] = ['q4_1', 'q5_1', 'q4_k', 'q5_k'];

/** Fewest columns, from `columns` on, that a row of this storage can have. */
const fitting = (storage: Storage, columns: number): number =>
  isBlockStorage(storage) ? wholeBlocks(storage, columns) : columns;

const backend = (): MoectWebgpuBackend => tf.backend() as MoectWebgpuBackend;
const stock = (x: Tensor): tf.Tensor => x as unknown as tf.Tensor;
const values = async (x: Tensor | tf.Tensor): Promise<Float32Array> => (await x.data()) as Float32Array;

/** Weights whose rows differ in magnitude, so that a wrong scale shows. */
function weightsOf(rows: number, columns: number, seed = 1): Float32Array {
  const drawn = ops.createRng(seed).normal(rows * columns);
  return drawn.map((value, i) => value * (1 + (Math.floor(i / columns) % 37)));
}

interface Pair {
  readonly frozen: Tensor;
  /** The float32 values that the codes stand for. */
  readonly widened: Tensor;
}

/** @param given is widened to whole blocks */
async function pair(storage: Storage, given: readonly [number, number], seed = 1): Promise<Pair> {
  const shape = [given[0], fitting(storage, given[1])] as const;
  if (isBlockStorage(storage)) {
    const blocks = randomBlocks(storage, ...shape, seed);
    return { frozen: ops.frozenFromBlocks(blocks), widened: ops.tensor(widenValues(blocks), shape) };
  }
  return rounded(storage, shape, seed);
}

async function rounded(
  storage: 'bfloat16' | 'int8',
  shape: readonly [number, number],
  seed: number,
): Promise<Pair> {
  const given = weightsOf(...shape, seed);
  const source = ops.tensor(given, shape);
  const frozen = await ops.compressFrozen(source, storage);
  source.dispose();
  return { frozen, widened: ops.tensor(widenValues(compressValues(given, shape[0], storage)), shape) };
}

/** Expects the same bits with both weights, since only the reading of the weight differs; see FUSED for the exception. */
async function expectSame(
  { frozen, widened }: Pair,
  run: (weight: Tensor) => Tensor,
  what = '',
  storage?: Storage,
): Promise<void> {
  const [actual, expected] = [run(frozen), run(widened)];
  expectEqual(await values(actual), await values(expected), what, storage);
  ops.dispose([actual, expected]);
}

function expectEqual(actual: Float32Array, expected: Float32Array, what = '', storage?: Storage): void {
  expect(actual.length, what).toBe(expected.length);
  // a fused product and sum differs by one rounding of float32
  const share = storage !== undefined && FUSED.includes(storage) ? 1e-6 : 0;
  const bound = share * expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(
    actual.findIndex((x, i) => !(Math.abs(x - expected[i]!) <= bound)),
    what,
  ).toBe(-1);
}

const gpuMemory = (): { numBytesInGPU: number; numBytesAllocatedInGPU: number } =>
  tf.memory() as unknown as { numBytesInGPU: number; numBytesAllocatedInGPU: number };
const used = (): number => gpuMemory().numBytesInGPU;
const allocated = (): number => gpuMemory().numBytesAllocatedInGPU;

describe.skipIf(noAdapter)(`compressed weights on WebGPU${skipNote}`, () => {
  beforeAll(async () => {
    await selectBackend('webgpu');
  });

  describe.each(STORAGES)('%s', (storage) => {
    it.each([
      [1, 1, 1],
      [5, 3, 2],
      [8, 12, 20],
      [33, 70, 35],
      [36, 128, 68],
    ])(
      'products of %i rows, %i → %i, in all transpositions and on either side, as widened',
      async (m, k, n) => {
        const rng = ops.createRng(2);
        for (const transposeB of [false, true]) {
          const both = await pair(storage, transposeB ? [n, k] : [k, n]);
          const depth = both.widened.shape[transposeB ? 1 : 0]!;
          for (const transposeA of [false, true]) {
            const x = ops.randomNormal(rng, transposeA ? [depth, m] : [m, depth], 1);
            const name = `${transposeA} ${transposeB}`;
            await expectSame(both, (w) => ops.matMul(x, w, { transposeA, transposeB }), name, storage);
            const swapped = { transposeA: !transposeB, transposeB: !transposeA };
            await expectSame(both, (w) => ops.matMul(w, x, swapped), `swapped ${name}`, storage);
            x.dispose();
          }
          ops.dispose(both);
        }
      },
    );

    // software adapters choose other forms by themselves, and take long to compile these
    it.skipIf(isBlockStorage(storage) && !['q4_1', 'q6_k'].includes(storage)).each([
      [false, [70, 67, 35]],
      [true, [70, 67, 35]],
      [false, [72, 68, 36]],
      [true, [72, 68, 36]],
    ] as const)('large tiles, as on GPUs, as widened: bᵀ %s, %j', async (transposeB, [m, n, k]) => {
      const both = await pair(storage, transposeB ? [n, k] : [k, n]);
      const [rows, columns] = both.widened.shape as readonly number[];
      const [across, depth] = transposeB ? [rows!, columns!] : [columns!, rows!];
      const x = ops.randomNormal(ops.createRng(3), [m, depth], 1);
      const run = (w: Tensor): Tensor => {
        const y = ops.zeros([m, across]);
        const sizes = { m, n: across, k: depth, transposeA: false, transposeB };
        multiply(backend(), stock(x), stock(w), stock(y), sizes, { tile: 'large' });
        return y;
      };
      await expectSame(both, run, '', storage);
      ops.dispose([x, both]);
    });

    it('rows by number, and its values', async () => {
      const both = await pair(storage, [50, 33]);
      const ids = ops.tensor(ops.createRng(4).integers(70, 50), [7, 10], 'int32');
      await expectSame(both, (w) => ops.embedding(w, ids), '', storage);
      expectEqual(await values(both.frozen), await values(both.widened));
      ops.dispose([both, ids]);
    });

    it.each([
      [1100, 32],
      [1030, 33],
    ])('loss of a head [%i, %i] and gradients of its input, as widened', async (vocabSize, atLeast) => {
      const width = fitting(storage, atLeast);
      const both = await pair(storage, [vocabSize, width]);
      const rng = ops.createRng(5);
      const start = ops.randomNormal(rng, [9, width], 0.05);
      const x = ops.variable(start);
      const targets = ops.tensor(rng.integers(9, vocabSize), [9], 'int32');
      const slopes = ops.randomNormal(rng, [9, vocabSize], 1);
      const run = (weight: Tensor): { value: Tensor; gradients: Map<string, Tensor> } =>
        ops.valueAndGrads(
          () => {
            const head = ops.linearCrossEntropy([{ input: x, weight, trainable: false }], targets, 0.3);
            return ops.add(head.loss, ops.sum(ops.mul(ops.linear(x, weight), slopes)));
          },
          new Map([['x', x]]),
        );
      await expectSame(both, (w) => run(w).value, 'loss', storage);
      await expectSame(both, (w) => run(w).gradients.get('x')!, 'gradient', storage);
      ops.dispose([both, start, x, targets, slopes]);
    });

    it('operations that do not know it get the widened values', async () => {
      const across = fitting(storage, 10);
      const both = await pair(storage, [12, across]);
      const other = ops.randomNormal(ops.createRng(6), [12, across], 1);
      const runs: Record<string, (w: Tensor) => tf.Tensor> = {
        transpose: (w) => tf.transpose(stock(w)),
        slice: (w) => tf.slice(stock(w), [3, 2], [4, 5]),
        add: (w) => tf.add(stock(w), stock(other)),
        twice: (w) => tf.mul(stock(w), stock(w)),
        reshape: (w) => tf.matMul(tf.reshape(stock(w), [across, 12]), stock(other)),
        concat: (w) => tf.concat([stock(other), stock(w)]),
        batch: (w) =>
          tf.matMul(tf.reshape(stock(other), [2, 6, across]), tf.reshape(stock(w), [2, across, 6])),
      };
      for (const onHost of [true, false]) {
        tf.env().set('WEBGPU_CPU_FORWARD', onHost);
        for (const [name, run] of Object.entries(runs)) {
          await expectSame(both, (w) => run(w) as unknown as Tensor, name, storage);
        }
      }
      ops.dispose([both, other]);
    });

    it('a widened copy is freed, not pooled', async () => {
      const before = allocated();
      const both = await pair(storage, [512, 300]);
      const total = tf.sum(stock(both.frozen));
      await total.data();
      expect(allocated() - before).toBeLessThan(
        1.1 * 512 * bytesOfRow(storage, both.frozen.shape[1]!) + 4096,
      );
      ops.dispose([both, total] as never);
    });

    it('many widened copies in one batch of dispatches, with disposal in between', async () => {
      const before = used();
      const pairs: Pair[] = [];
      for (let i = 0; i < 40; i++) pairs.push(await pair(storage, [6, 7], i));
      const sumOf = (pick: (both: Pair) => Tensor): tf.Tensor =>
        tf.tidy(() => pairs.map((both) => stock(pick(both))).reduce((a, b) => tf.add(tf.mul(a, 0.5), b)));
      const sums = [sumOf(({ frozen }) => frozen), sumOf(({ widened }) => widened)];
      const expected = sums[1]!;
      const scaled = tf.tidy(() => pairs.map(({ frozen }) => tf.mul(stock(frozen), 2)));
      ops.dispose(pairs.map(({ frozen }) => frozen));
      expectEqual(await values(sums[0]!), await values(expected), 'sum', storage);
      for (const [i, double] of scaled.entries()) {
        const wanted = (await values(pairs[i]!.widened)).map((value) => 2 * value);
        expectEqual(await values(double), wanted, `${i}`, storage);
      }
      ops.dispose([pairs.map(({ widened }) => widened), sums, scaled] as never);
      // tensors disposed while recorded are freed when the batch is submitted
      await values(ops.ones([1]));
      expect(used()).toBeLessThanOrEqual(before + 64);
    });

    it('two widened operands of one dispatch, wherever the batch is full', async () => {
      const [a, b] = [await pair(storage, [4, 6], 1), await pair(storage, [4, 6], 2)];
      const expected = tf.mul(stock(a.widened), stock(b.widened));
      const x = ops.ones([4]);
      for (let recorded = 28; recorded < 34; recorded++) {
        await values(expected);
        const steps = Array.from({ length: recorded }, () => ops.swiglu(x, x));
        const product = tf.mul(stock(a.frozen), stock(b.frozen));
        expectEqual(await values(product), await values(expected), `after ${recorded}`, storage);
        ops.dispose([steps, product] as never);
      }
      ops.dispose([a, b, expected, x] as never);
    });

    it('takes device memory in proportion, and a training step widens nothing', async () => {
      const shape = [1376, 512] as const;
      const float32 = 4 * shape[0] * shape[1];
      const rng = ops.createRng(7);
      const [x, scale] = [ops.randomNormal(rng, [8, 512], 1), ops.ones([512])];
      const [adapter, marker] = [ops.variable(scale), tf.add(stock(scale), 0)];
      const ids = ops.tensor(rng.integers(8, shape[0]), [8], 'int32');
      const step = (w: Tensor): void => {
        const { value, gradients } = ops.valueAndGrads(
          () => {
            const rows = ops.mul(ops.add(x, ops.embedding(w, ids)), adapter);
            const back = ops.matMul(ops.linear(rows, w), w);
            return ops.linearCrossEntropy([{ input: back, weight: w, trainable: false }], ids, 0.1).loss;
          },
          new Map([['adapter', adapter]]),
        );
        ops.dispose([value, ...gradients.values()]);
      };
      /** Bytes in use, and bytes in use or pooled, after all recorded work is done. */
      const settled = async (): Promise<[used: number, allocated: number]> => {
        await values(marker);
        return [used(), allocated()];
      };
      const costs: number[] = [];
      for (const kind of [storage, 'float32'] as const) {
        const [before, pooled] = await settled();
        const { frozen, widened } = await pair(storage, shape);
        const weight = kind === 'float32' ? widened : frozen;
        step(weight);
        const [held, peak] = await settled();
        step(weight);
        expect((await settled())[0]).toBe(held);
        costs.push(held - before);
        // the peak includes activations and gradients, which are small here, but no widened copy
        if (kind !== 'float32') expect(peak - pooled).toBeLessThan(held - before + 0.5 * float32);
        ops.dispose([frozen, widened]);
      }
      expect(costs[1]).toBe(float32);
      // the first step also uploads x and the ids
      const once = 4 * (8 * 512 + 8);
      const scales = storage === 'int8' ? 4 * shape[0] : 0;
      expect(costs[0]! - once - scales).toBeLessThanOrEqual(1.001 * shape[0] * bytesOfRow(storage, shape[1]));
      ops.dispose([x, scale, adapter, ids, marker] as never);
    });

    it('leaves no tensor behind', async () => {
      const leaked = await leakedTensors(async () => {
        const both = await pair(storage, [4, 6]);
        const copy = tf.add(stock(both.frozen), 1);
        await copy.data();
        ops.dispose([both, copy] as never);
      });
      expect(leaked).toBe(0);
    });

    it('a weight without elements', async () => {
      const empty = await pair(storage, [0, 8]);
      expect(await values(empty.frozen)).toEqual(new Float32Array(0));
      ops.dispose(empty);
    });
  });

  it.each(['bfloat16', 'int8'] as const)('a weight that is on the device already, to %s', async (storage) => {
    const onDevice = tf.mul(tf.ones([3, 4]), 3) as unknown as Tensor;
    const frozen = await ops.compressFrozen(onDevice, storage);
    expect(Math.max(...(await values(frozen)))).toBeCloseTo(3, 6);
    ops.dispose([onDevice, frozen]);
  });
});
