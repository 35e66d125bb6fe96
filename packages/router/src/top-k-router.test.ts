import { InvalidConfigError, ShapeMismatchError, type Tensor } from '@moect/core';
import { createRng, dispose, randomNormal, sum, tensor } from '@moect/tensor';
import { checkGradients, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { testRouter } from './testing.ts';
import { topKRouter } from './top-k-router.ts';

testRouter({ create: () => topKRouter({ topK: 2, balanceLoss: 0.01, zLoss: 0.001 }) });
testRouter({ create: () => topKRouter({ topK: 1, balanceLoss: 0.01 }) });
testRouter({ create: () => topKRouter({ topK: 2, balanceLoss: 0.01, noise: 'gaussian' }) });
testRouter({ create: () => topKRouter({ topK: 3, renormalize: false }), numExperts: 3 });

describe('topKRouter options', () => {
  it('names every problem at once', () => {
    const options = { topK: 0, zLoss: Number.NaN, noise: 'pink', capacity: 2 } as never;
    expect(() => topKRouter(options)).toThrow(InvalidConfigError);
    expect(() => topKRouter(options)).toThrow(/4 problem.*topK.*zLoss.*noise.*capacity/s);
  });

  it('refuses renormalised top-1, which could not learn', () => {
    expect(() => topKRouter({ topK: 1, renormalize: true })).toThrow(/would not learn/);
  });

  it('refuses more choices than experts', () => {
    const router = topKRouter({ topK: 3 });
    expect(() => router.init(createRng(1), { hiddenSize: 4, numExperts: 2 })).toThrow(ShapeMismatchError);
  });
});

describe.each(testBackends())('topKRouter on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('starts from N(0, 0.02²) without a bias', async () => {
    const params = topKRouter({ topK: 2 }).init(createRng(1), { hiddenSize: 64, numExperts: 32 });
    expect(Object.keys(params)).toEqual(['weight']);
    const values = [...(await (params['weight'] as Tensor).data())];
    const std = Math.sqrt(values.reduce((a, b) => a + b * b, 0) / values.length);
    expect(std).toBeGreaterThan(0.019);
    expect(std).toBeLessThan(0.021);
    dispose(params);
  });

  it('makes renormalised weights sum to 1 and plain ones to the chosen probability (law 5)', async () => {
    const hidden = randomNormal(createRng(2), [6, 8], 1);
    const params = { weight: randomNormal(createRng(3), [5, 8], 1) };
    const sums = async (renormalize: boolean): Promise<number[]> => {
      const result = topKRouter({ topK: 2, renormalize }).route(params, hidden, { training: false });
      const total = sum(result.expertWeights, -1);
      const values = [...(await total.data())];
      dispose([result, total]);
      return values;
    };
    for (const value of await sums(true)) expect(value).toBeCloseTo(1, 6);
    for (const value of await sums(false)) expect(value).toBeLessThan(0.9999);
    dispose([hidden, params]);
  });

  it.each([
    [2, true],
    [2, false],
    [1, false],
  ])('has the gradient of finite differences: topK %i, renormalize %s', async (topK, renormalize) => {
    const [hidden, weight] = [createRng(4).normal(5 * 6), createRng(5).normal(4 * 6, 0, 0.5)];
    const router = topKRouter({ topK, renormalize });
    const { error, where } = await checkGradients(
      ([h, w]) => router.route({ weight: w! }, h!, { training: true }).expertWeights,
      [
        { data: hidden, shape: [5, 6] },
        { data: weight, shape: [4, 6] },
      ],
      0.002,
    );
    expect(error, where).toBeLessThan(2e-3);
  });

  it('adds Gaussian noise of softplus width in training (arXiv 1701.06538)', async () => {
    const [hidden, weight, noise] = [createRng(6), createRng(7), createRng(8)].map((rng, i) =>
      rng.normal(i === 0 ? 5 * 6 : 4 * 6, 0, i === 0 ? 1 : 0.5),
    ) as [Float32Array, Float32Array, Float32Array];
    const router = topKRouter({ topK: 2, noise: 'gaussian' });
    const route = ([h, w, n]: Tensor[], context: Parameters<typeof router.route>[2]) =>
      router.route({ weight: w!, noise: { weight: n! } }, h!, context);
    const noisy = { training: true, rng: createRng(9) };
    const inputs = [tensor(hidden, [5, 6]), tensor(weight, [4, 6]), tensor(noise, [4, 6])];
    const [given, clean] = [route(inputs, noisy), route(inputs, { training: false })];
    const [logits, plain] = [await given.logits.data(), await clean.logits.data()];
    const draws = createRng(9).normal(5 * 4);
    for (const [i, draw] of draws.entries()) {
      const [row, expert] = [Math.floor(i / 4), i % 4];
      const at = hidden.slice(6 * row, 6 * row + 6).reduce((s, x, k) => s + x * noise[6 * expert + k]!, 0);
      expect(logits[i]).toBeCloseTo(plain[i]! + draw * Math.log1p(Math.exp(at)), 4);
    }
    expect(() => route(inputs, { training: true })).toThrow(/noise: 'gaussian' draws random numbers/);
    dispose([inputs, given, clean]);
    const { error, where } = await checkGradients(
      (given) => route(given, { training: true, rng: createRng(9) }).expertWeights,
      [
        { data: hidden, shape: [5, 6] },
        { data: weight, shape: [4, 6] },
        { data: noise, shape: [4, 6] },
      ],
      0.002,
    );
    expect(error, where).toBeLessThan(2e-3);
  });
});
