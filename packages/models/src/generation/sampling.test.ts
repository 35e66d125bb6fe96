import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixture } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { candidatesOf, type SamplingOptions, sampleToken } from './sampling.ts';

interface Case {
  readonly scores: number[];
  readonly text: number[];
  readonly settings: SamplingOptions;
  readonly probabilities: number[];
}

const cases: Case[] = JSON.parse(readFileSync(join(fixture('sampling'), 'processors.json'), 'utf8'));

describe('sampling is that of transformers', () => {
  it.each(cases.map((one, i) => [i, JSON.stringify(one.settings), one] as const))('%d %s', (_, __, one) => {
    const { tokens, weights } = candidatesOf(Float64Array.from(one.scores), one.settings, new Set(one.text));
    const total = weights.reduce((a, b) => a + b, 0);
    const kept = one.probabilities.flatMap((probability, token) => (probability > 0 ? [token] : []));
    expect(tokens.toSorted((a, b) => a - b)).toEqual(kept);
    for (const [i, token] of tokens.entries()) {
      // the fixture has twelve digits
      expect(Math.abs(weights[i]! / total - one.probabilities[token]!)).toBeLessThan(1e-11);
    }
  });

  it('draws each candidate as often as it is likely', () => {
    const [draws, scores] = [1000, Float64Array.of(0, 1, 2, 3)];
    const options = { temperature: 1, topK: 3 };
    const { tokens, weights } = candidatesOf(scores, options);
    const total = weights.reduce((a, b) => a + b, 0);
    const drawn = Array.from({ length: draws }, (_, i) => sampleToken(scores, options, (i + 0.5) / draws));
    for (const [i, token] of tokens.entries()) {
      const share = drawn.filter((one) => one === token).length / draws;
      expect(Math.abs(share - weights[i]! / total)).toBeLessThanOrEqual(1 / draws);
    }
  });

  it('takes the likeliest token after the penalty where the temperature is 0', () => {
    for (const one of cases.filter(({ settings }) => settings.repetitionPenalty !== undefined)) {
      const { repetitionPenalty } = one.settings;
      const options = { repetitionPenalty: repetitionPenalty! };
      const best = one.probabilities.indexOf(Math.max(...one.probabilities));
      expect(sampleToken(Float64Array.from(one.scores), options, 0, new Set(one.text))).toBe(best);
    }
  });

  it('leaves the given scores as they are', () => {
    const scores = Float32Array.of(1, -1);
    sampleToken(scores, { repetitionPenalty: 2, temperature: 1 }, 0, new Set([0, 1]));
    expect([...scores]).toEqual([1, -1]);
  });

  it('finds the same nucleus as a full sort among many tokens', () => {
    const scores = Float64Array.from({ length: 50_000 }, (_, i) => ((i * 7919) % 50_000) / 2500);
    for (const topP of [0.1, 0.9, 0.999999]) {
      const { tokens, weights } = candidatesOf(scores, { temperature: 1, topP });
      const all = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
      expect(tokens).toEqual(all.slice(0, tokens.length));
      const total = scores.reduce((sum, score) => sum + Math.exp(score - scores[all[0]!]!), 0);
      const mass = weights.reduce((a, b) => a + b, 0) / total;
      expect(mass).toBeGreaterThanOrEqual(topP);
      expect(mass - weights.at(-1)! / total).toBeLessThan(topP);
    }
  });
});
