import type { ParamTree, SiteContext, Tensor } from '@moect/core';
import { createRng, dispose, randomNormal, tensor, zeros } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { attachHeadDelta, attachLowRank, initHeadDelta } from './gated-updates.ts';

const gated = { alwaysOn: false, tokenRows: null };

const [TIME, IN, OUT, RANK] = [3, 4, 5, 2];

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

/** W·x for W [rows, columns], in float64. */
const times = (w: Float32Array, x: Float64Array): Float64Array =>
  Float64Array.from({ length: w.length / x.length }, (_, i) =>
    x.reduce((sum, value, j) => sum + w[i * x.length + j]! * value, 0),
  );

describe.each(testBackends())('gated updates on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  const context = (baseWeight: Tensor | null, training = false): SiteContext => {
    return { training, baseWeight, documentIds: zeros([1, TIME], 'int32') };
  };

  it.each([false, true])('add (1 − p) · scale · B·A·x (training %s)', async (training) => {
    const rng = createRng(3);
    const [a, b] = [randomNormal(rng, [RANK, IN], 1), randomNormal(rng, [OUT, RANK], 1)];
    const params: ParamTree = { lora_A: { weight: a }, lora_B: { weight: b } };
    const [x, y] = [randomNormal(rng, [1, TIME, IN], 1), randomNormal(rng, [1, TIME, OUT], 1)];
    const p = tensor([1, 0.75, 0], [1, TIME, 1]);
    const [xs, ys, as, bs] = [await read(x), await read(y), await read(a), await read(b)];
    const update = (t: number): Float64Array =>
      times(bs, times(as, Float64Array.from(xs.subarray(t * IN, (t + 1) * IN))));
    const check = async (result: Tensor, openness: readonly number[]): Promise<void> => {
      const values = await read(result);
      for (const [i, value] of values.entries()) {
        const t = Math.floor(i / OUT);
        if (openness[t] === 0) expect(value).toBe(ys[i]);
        expect(value).toBeCloseTo(ys[i]! + openness[t]! * 3 * update(t)[i % OUT]!, 4);
      }
    };
    const gated = attachLowRank(params, 3, false);
    const [open, none] = [context(p, training), context(null, training)];
    const [first, second] = [gated(x, y, open), attachLowRank(params, 3, true)(x, y, none)];
    await check(first, [0, 0.25, 1]);
    await check(second, [1, 1, 1]);
    // before the first branch there is no p, and nothing to add
    expect(gated(x, y, none)).toBe(y);
    dispose([params, x, y, p, first, second, open.documentIds, none.documentIds]);
  });

  it('keep the base’s bits where p is 1, even with broken parameters', async () => {
    const params: ParamTree = { delta: { weight: tensor(Array(OUT * IN).fill(Number.NaN), [OUT, IN]) } };
    const [h, logits] = [
      randomNormal(createRng(1), [1, TIME, IN], 1),
      randomNormal(createRng(2), [1, TIME, OUT], 1),
    ];
    const p = tensor([1, 1, 0.5], [1, TIME, 1]);
    const at = context(p);
    const result = attachHeadDelta(params, gated).head(h, logits, at);
    const [values, plain] = [await read(result), await read(logits)];
    expect(values.subarray(0, 2 * OUT)).toEqual(plain.subarray(0, 2 * OUT));
    expect(values.at(-1)).toBeNaN();
    dispose([params, h, logits, p, result, at.documentIds]);
  });

  it.each(['full', 2] as const)(
    'head delta %s: h·ΔWᵀ scaled by 1 − p, at the last position alone too',
    async (rank) => {
      const rng = createRng(8);
      const params = initHeadDelta(rng, { hiddenSize: IN, vocabSize: OUT }, rank);
      const fresh = [rank === 'full' ? params['delta'] : params['delta_B']] as [{ weight: Tensor }];
      expect((await read(fresh[0].weight)).every((value) => value === 0)).toBe(true);
      const shapes =
        rank === 'full'
          ? [[OUT, IN]]
          : [
              [RANK, IN],
              [OUT, RANK],
            ];
      const weights = shapes.map((shape) => randomNormal(rng, shape, 1));
      const trained: ParamTree =
        rank === 'full'
          ? { delta: { weight: weights[0]! } }
          : { delta_A: { weight: weights[0]! }, delta_B: { weight: weights[1]! } };
      const [h, logits] = [randomNormal(rng, [1, TIME, IN], 1), randomNormal(rng, [1, TIME, OUT], 1)];
      const p = tensor([0.9, 0.2, 0.4], [1, TIME, 1]);
      const [hs, ls] = [await read(h), await read(logits)];
      const matrices = await Promise.all(weights.map(read));
      const delta = (t: number): Float64Array =>
        matrices.reduce<Float64Array>(
          (x, w) => times(w, x),
          Float64Array.from(hs.subarray(t * IN, (t + 1) * IN)),
        );
      const at = context(p);
      const result = attachHeadDelta(trained, gated).head(h, logits, at);
      for (const [i, value] of (await read(result)).entries()) {
        const t = Math.floor(i / OUT);
        expect(value).toBeCloseTo(ls[i]! + [0.1, 0.8, 0.6][t]! * delta(t)[i % OUT]!, 4);
      }
      const [lastH, lastLogits] = [
        tensor(hs.subarray(2 * IN), [1, 1, IN]),
        tensor(ls.subarray(2 * OUT), [1, 1, OUT]),
      ];
      const last = attachHeadDelta(trained, gated).head(lastH, lastLogits, at);
      expect(await read(last)).toEqual((await read(result)).subarray(2 * OUT));
      const leaked = await leakedTensors(() => attachHeadDelta(trained, gated).head(h, logits, at).dispose());
      expect(leaked).toBe(0);
      dispose([params, trained, h, logits, p, result, lastH, lastLogits, last, at.documentIds]);
    },
  );
});
