import { InvalidConfigError } from '@moect/core';
import { createRng, dispose } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { adamW } from '../optimization/adam-w.ts';
import { constant } from '../optimization/schedules.ts';
import { tinyData } from '../testing/tiny-data.ts';
import { gatedBranch, tinyModel } from '../testing/tiny-model.ts';
import { candidateSource } from './sampled-candidates.ts';
import { train } from './train.ts';

describe('candidates of a sampled softmax', () => {
  beforeAll(() => selectBackend('cpu').then(() => undefined));
  const VOCABULARY = 40;
  const batch = tinyData({ vocabSize: 11 }).batch(0);
  const always = [...new Set(batch.targets)].filter((id) => id >= 0);

  it('are the tokens of the text, and others that stand for the rest', async () => {
    const draw = candidateSource({ always, sampled: 6 }, VOCABULARY);
    const [one, again, other] = [1, 1, 2].map((seed) => draw(batch, createRng(seed)));
    const tokens = Array.from(await one!.tokens.data());
    expect(tokens.slice(0, always.length)).toEqual(always);
    expect(new Set(tokens).size).toBe(always.length + 6);
    const rest = VOCABULARY - always.length;
    const logCounts = Array.from(await one!.logCounts.data());
    const total = logCounts.reduce((sum, value) => sum + Math.exp(value), 0);
    expect(logCounts.slice(0, always.length).every((value) => value === 0)).toBe(true);
    expect(total).toBeCloseTo(always.length + rest, 3);
    const targets = Array.from(await one!.targets.data());
    expect(targets.map((place) => (place < 0 ? -1 : tokens[place]))).toEqual(Array.from(batch.targets));
    const places = await one!.places.data();
    expect(tokens.map((token) => places[token])).toEqual(tokens.map((_, place) => place));
    expect(await again!.tokens.data()).toEqual(await one!.tokens.data());
    expect(await other!.tokens.data()).not.toEqual(await one!.tokens.data());
    dispose([one, again, other].flatMap((given) => Object.values(given!)));
  });

  it('draw every other token equally often', async () => {
    const draw = candidateSource({ always, sampled: 5 }, VOCABULARY);
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 400; seed++) {
      const candidates = draw(batch, createRng(seed));
      for (const id of (await candidates.tokens.data()).slice(always.length)) {
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      dispose(Object.values(candidates));
    }
    const expected = (400 * 5) / (VOCABULARY - always.length);
    expect(counts.size).toBe(VOCABULARY - always.length);
    // five standard deviations of a count
    for (const count of counts.values())
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it.each([
    ['a token outside', { always: [1, 99], sampled: 3 }, /has token 99, the vocabulary 11/],
    ['a token twice', { always: [1, 1], sampled: 3 }, /has a token twice/],
    ['nothing to draw', { always: [1], sampled: 0 }, /sampledSoftmax\.sampled/],
  ])('refuse %s', async (_, sampledSoftmax, message) => {
    const base = tinyModel();
    const run = train({
      base,
      extension: gatedBranch(base),
      data: tinyData(),
      totalSteps: 1,
      optimizer: adamW(),
      schedule: constant({ learningRate: 1e-3, totalSteps: 1 }),
      sampledSoftmax,
    });
    await expect(run).rejects.toThrow(InvalidConfigError);
    await expect(run).rejects.toThrow(message);
  });
});
