import { beforeAll, describe, expect, it } from 'vitest';
import * as ops from '../index.ts';
import { leakedTensors, selectBackend, testBackends } from '../testing.ts';

describe.each(testBackends())('operations on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it('groups slots by expert, stably', async () => {
    const order = ops.sortByExpert(ops.tensor([1, 0, 3, 1, 0, 3], [3, 2], 'int32'), 5);
    expect([...(await order.order.data())]).toEqual([1, 4, 0, 3, 2, 5]);
    expect([...(await order.inverse.data())]).toEqual([2, 0, 4, 3, 1, 5]);
    expect([...(await order.offsets.data())]).toEqual([0, 2, 4, 4, 6, 6]);
    ops.dispose(order);
  });

  it('takes the lower index of equal scores', async () => {
    const { values, indices } = ops.topK(ops.tensor([1, 3, 3, 2, 2, 2], [2, 3]), 2);
    expect([...(await indices.data())]).toEqual([1, 2, 0, 1]);
    expect([...(await values.data())]).toEqual([3, 3, 2, 2]);
    ops.dispose([values, indices]);
  });

  it('gives zeros to queries that see nothing', async () => {
    const [q, k] = [ops.ones([1, 3, 1, 2]), ops.ones([1, 3, 1, 2])];
    const ids = ops.tensor([-1, 0, 0], [1, 3], 'int32');
    const out = ops.causalAttention(q, k, k, { scale: 1, queryDocumentIds: ids, keyDocumentIds: ids });
    expect([...(await out.data())]).toEqual([0, 0, 1, 1, 1, 1]);
    ops.dispose([q, k, ids, out]);
  });

  it('passes NaN on and keeps it in its row', async () => {
    const x = ops.tensor([1, Number.NaN, 3, 4], [2, 2]);
    const y = ops.rmsNorm(x, ops.ones([2]), 1e-6);
    const values = await y.data();
    expect(Number.isNaN(values[0]!) && Number.isNaN(values[1]!)).toBe(true);
    expect(Number.isFinite(values[2]!)).toBe(true);
    ops.dispose([x, y]);
  });

  it('updates as torch.optim.AdamW does', async () => {
    const rng = ops.createRng(3);
    const [start, grads] = [rng.normal(5), [rng.normal(5), rng.normal(5), rng.normal(5)]];
    const [p, m, v] = [start, new Float32Array(5), new Float32Array(5)].map((x) =>
      ops.variable(ops.tensor(x, [5])),
    );
    const expected = Float64Array.from(start);
    const [em, ev] = [new Float64Array(5), new Float64Array(5)];
    const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8 };
    for (const [i, grad] of grads.entries()) {
      const step = i + 1;
      const gradient = ops.tensor(grad, [5]);
      const entry = { parameter: p!, gradient, expAvg: m!, expAvgSq: v!, weightDecay: 0.1 };
      ops.adamWUpdate([entry], ops.scalar(0.5), { ...options, step });
      gradient.dispose();
      for (let j = 0; j < 5; j++) {
        const g = grad[j]! * 0.5;
        em[j] = 0.9 * em[j]! + 0.1 * g;
        ev[j] = 0.95 * ev[j]! + 0.05 * g * g;
        const denominator = Math.sqrt(ev[j]!) / Math.sqrt(1 - 0.95 ** step) + 1e-8;
        expected[j] = expected[j]! * (1 - 0.001) - (0.01 / (1 - 0.9 ** step)) * (em[j]! / denominator);
      }
    }
    const got = await p!.data();
    // three float32 updates of size 0.01 on values near 1
    for (let j = 0; j < 5; j++) expect(Math.abs(got[j]! - expected[j]!)).toBeLessThan(5e-7);
    ops.dispose([p, m, v]);
  });

  it('clips by the global norm', async () => {
    const parts = [ops.tensor([3, 0], [2]), ops.tensor([4], [1])];
    const norm = ops.globalNorm(parts);
    const scale = ops.clipScale(norm, 1);
    expect((await norm.data())[0]).toBeCloseTo(5, 6);
    expect((await scale.data())[0]).toBeCloseTo(0.2, 6);
    ops.dispose([parts, norm, scale]);
  });

  it('refuses shapes that do not fit, saying what would', () => {
    const [x, w] = [ops.ones([2, 3]), ops.ones([4, 5])];
    expect(() => ops.linear(x, w)).toThrow(/input of linear has shape \[2, 3\], expected \[\.\.\., 5\]/);
    ops.dispose([x, w]);
  });

  it('keeps tensors inside maps when tidying', async () => {
    const leaked = await leakedTensors(async () => {
      const kept = ops.tidy(() => new Map([['a', { b: [ops.add(ops.ones([2]), 1)] }]]));
      expect([...(await kept.get('a')!.b[0]!.data())]).toEqual([2, 2]);
      ops.dispose(kept);
    });
    expect(leaked).toBe(0);
  });
});

describe('random numbers', () => {
  it('are a function of the seed alone', () => {
    expect(ops.createRng(5).normal(4)).toEqual(ops.createRng(5).normal(4));
    expect(ops.createRng(5).normal(4)).not.toEqual(ops.createRng(6).normal(4));
    const rng = ops.createRng(5);
    rng.uniform(100);
    expect(rng.fork('x').normal(3)).toEqual(ops.createRng(5).fork('x').normal(3));
  });

  it('have the moments they should', () => {
    const x = ops.createRng(1).normal(200_000, 2, 3);
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
    // five standard errors of 0.007 and 0.03
    expect(Math.abs(mean - 2)).toBeLessThan(0.035);
    expect(Math.abs(variance - 9)).toBeLessThan(0.15);
    const counts = new Array(7).fill(0);
    for (const i of ops.createRng(2).integers(70_000, 7)) counts[i]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

describe('parameter trees', () => {
  it('flatten to dotted names and back', async () => {
    await selectBackend('cpu');
    const tree = {
      layers: { '0': { weight: ops.ones([1]) }, '1': { weight: ops.ones([1]) } },
      norm: ops.ones([1]),
    };
    const flat = ops.flattenTree(tree, 'model');
    expect([...flat.keys()]).toEqual(['model.layers.0.weight', 'model.layers.1.weight', 'model.norm']);
    expect(ops.treeAt(flat, 'model')).toEqual(tree);
    ops.dispose(tree);
  });
});
