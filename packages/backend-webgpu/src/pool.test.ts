import type { Variable } from '@moect/core';
import * as ops from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  emptyWebgpuPool,
  extrapolatePool,
  type PoolTrace,
  traceWebgpuPool,
  webgpuLogitRows,
  webgpuMemory,
} from './index.ts';
import { noAdapter, skipNote } from './test-support.ts';

const [vocabSize, width] = [500, 48];

/** Takes gradients of a small model on `rows` rows. */
async function step(rows: number): Promise<void> {
  const rng = ops.createRng(1);
  const made = (shape: readonly number[]): Variable =>
    ops.tidy(() => ops.variable(ops.randomNormal(rng, shape, 1)));
  const weights = new Map([
    ['embed', made([vocabSize, width])],
    ['inner', made([4 * width, width])],
    ['outer', made([width, 4 * width])],
  ]);
  const at = (name: string) => weights.get(name)!;
  const ids = ops.tensor(rng.integers(rows, vocabSize), [rows], 'int32');
  const { value, gradients } = ops.valueAndGrads(() => {
    const x = ops.embedding(at('embed'), ids);
    const y = ops.add(x, ops.linear(ops.gelu(ops.linear(x, at('inner'))), at('outer')));
    return ops.linearCrossEntropy([{ input: y, weight: at('embed'), trainable: true }], ids, 1).loss;
  }, weights);
  await value.data();
  ops.dispose([...weights.values(), ids, value, ...gradients.values()]);
}

const trace = async (rows: number): Promise<PoolTrace> => (await traceWebgpuPool(() => step(rows)))!;

describe.skipIf(noAdapter)(`memory of the device${skipNote}`, () => {
  beforeAll(async () => {
    await selectBackend('webgpu');
  });

  it('is predicted for any number of rows from two small ones, to the byte', async () => {
    const [few, more, many] = [await trace(20), await trace(21), await trace(333)];
    const predicted = extrapolatePool(few, more, 313);
    expect(predicted).toEqual(extrapolatePool(many, many, 0));
    emptyWebgpuPool();
    const before = webgpuMemory()!.usedBytes;
    await step(333);
    expect(webgpuMemory()!.usedBytes - before).toBe(predicted.usedBytes - few.startBytes);
  });

  it('goes back to the device when the pool is emptied', async () => {
    emptyWebgpuPool();
    const before = webgpuMemory()!.usedBytes;
    await step(64);
    expect(webgpuMemory()!.usedBytes).toBeGreaterThan(before + 4 * 64 * vocabSize);
    emptyWebgpuPool();
    expect(webgpuMemory()!.usedBytes).toBe(before);
  });

  it('logits take no more from so many rows on', async () => {
    expect(webgpuLogitRows(2 ** 18)).toBe(64);
    expect(webgpuLogitRows(2 ** 10)).toBe(2 ** 14);
    await selectBackend('cpu');
    expect([webgpuMemory(), await traceWebgpuPool(() => Promise.resolve()), webgpuLogitRows(9)]).toEqual([
      null,
      null,
      0,
    ]);
  });
});

describe('a pool', () => {
  const buffer = (bytes: number, isPooled = true) => ({ bytes, usage: 1, isPooled });

  it('is replayed: buffers of a size are used again, those of another size stay beside them', () => {
    const events = [1, 2, -1, 3, -2, -3, 4, -4];
    const given = [100, 40, 100, 60].map((bytes) => buffer(bytes));
    const first = { startBytes: 1000, buffers: given, events };
    expect(extrapolatePool(first, first, 0)).toEqual({
      peakBytes: 1140,
      usedBytes: 1200,
      largestBytes: 100,
    });
    const second = { ...first, buffers: [104, 40, 104, 60].map((bytes) => buffer(bytes)) };
    expect(extrapolatePool(first, second, 10)).toEqual({
      peakBytes: 1180,
      usedBytes: 1240,
      largestBytes: 140,
    });
  });

  it('with buffers that do not go back to it, and traces that differ', () => {
    const first = { startBytes: 0, buffers: [buffer(8, false), buffer(8)], events: [1, -1, 2, -2] };
    expect(extrapolatePool(first, first, 0)).toMatchObject({ peakBytes: 8, usedBytes: 8 });
    const longer = { startBytes: 0, buffers: [buffer(8), buffer(16)], events: [1, 2, -1, -2] };
    expect(extrapolatePool(first, longer, 2)).toEqual({
      peakBytes: 40,
      usedBytes: 40,
      largestBytes: 24,
    });
  });
});
