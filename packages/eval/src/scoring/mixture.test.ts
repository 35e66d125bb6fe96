import type { Combination, DocumentScore, Scorer } from '@moect/core';
import { createRng } from '@moect/tensor';
import { describe, expect, it } from 'vitest';
import { documentOf } from '../testing/tiny-model.ts';
import { createMixtureScorer, scoreMixture } from './mixture.ts';
import { assertMixtureBound } from './mixture-bound.ts';
import { baseOnlyShare, posteriorCurves } from './posterior-curve.ts';

function score(probabilities: readonly number[], id = 'd0', language = 'aaa_Latn'): DocumentScore {
  return { id, language, bytes: probabilities.length, logProbs: Float64Array.from(probabilities, Math.log) };
}

const given = (name: string, scores: DocumentScore[]): Scorer => ({ name, score: async () => scores });

describe('scoreMixture', () => {
  it('is Bayes by hand', () => {
    const [mixed] = scoreMixture([[score([0.5, 0.5])], [score([0.1, 0.2])]], [0.5, 0.5]);
    // joint after two tokens: base 0.5·0.25 = 0.125, pack 0.5·0.02 = 0.01
    expect(Math.exp(mixed!.logProbs[0]!)).toBeCloseTo(0.3, 12);
    expect(Math.exp(mixed!.logProbs[1]!)).toBeCloseTo(0.135 / 0.3, 12);
    expect(mixed!.basePosterior[0]).toBeCloseTo(0.5, 12);
    expect(mixed!.basePosterior[1]).toBeCloseTo(0.25 / 0.3, 12);
    expect(mixed!.basePosterior[2]).toBeCloseTo(0.125 / 0.135, 12);
  });

  it('keeps its bound against adversarial packs (law 3b)', () => {
    const rng = createRng(7);
    const documents = [1, 3, 700, 5000];
    const draw = (length: number, low: number): number[] => {
      return Array.from({ length }, () => Math.max(1e-30, low + (1 - low) * rng.next()));
    };
    const base = documents.map((length, i) => score(draw(length, 0.001), `d${i}`));
    const packs = [
      // lures the mixture in, then fails; fails at once; is certain of anything else
      base.map((b, i) =>
        score(
          Array.from(b.logProbs, (_, t) => (t < b.logProbs.length / 2 ? 0.999 : 1e-30)),
          `d${i}`,
        ),
      ),
      base.map((b, i) => score(draw(b.logProbs.length, 0), `d${i}`)),
      base.map((b, i) => score(Array(b.logProbs.length).fill(1e-300), `d${i}`)),
    ];
    for (const prior of [0.5, 0.9, 0.01]) {
      const rest = (1 - prior) / 3;
      const mixed = scoreMixture([base, ...packs], [prior, rest, rest, rest]);
      const bound = assertMixtureBound(mixed, base, prior);
      expect(bound.bound).toBeCloseTo(-Math.log2(prior), 12);
      expect(bound.worst).toBeLessThanOrEqual(bound.bound + 1e-6);
      expect(bound.document).not.toBeNull();
      const bits = (s: DocumentScore): number => -s.logProbs.reduce((a, b) => a + b, 0) / Math.LN2;
      // nor is it worse than the luring pack by more than that pack's own prior
      mixed.forEach((m, i) => {
        expect(bits(m)).toBeLessThanOrEqual(bits(packs[0]![i]!) - Math.log2(rest) + 1e-6);
      });
    }
    const only = scoreMixture([base, packs[2]!], [0.5, 0.5]);
    expect(assertMixtureBound(only, base, 0.5).worst).toBeCloseTo(1, 9);
  });

  it('cannot be worse than one bit, and the check notices when it is', () => {
    const base = [score([0.5, 0.5])];
    const pack = [score([0.1, 0.1])];
    expect(() => assertMixtureBound(pack, base, 0.5)).toThrow(/d0.*bits more/);
    expect(() => assertMixtureBound([score([0.5], 'other')], base, 0.5)).toThrow(/other/);
  });

  it('survives probabilities that underflow', () => {
    const logProbs = new Float64Array(2000).fill(-40);
    const base = [{ id: 'd0', language: 'a', bytes: 1, logProbs }];
    const pack = [{ id: 'd0', language: 'a', bytes: 1, logProbs: logProbs.map((x) => x - 1) }];
    const [mixed] = scoreMixture([base, pack], [0.5, 0.5]);
    expect(mixed!.logProbs.every(Number.isFinite)).toBe(true);
    expect(mixed!.basePosterior.at(-1)).toBe(1);
  });

  it('refuses other documents and bad priors', () => {
    expect(() => scoreMixture([[score([0.5])], [score([0.5], 'd1')]], [0.5, 0.5])).toThrow(/'d1'/);
    expect(() => scoreMixture([[score([0.5])], [score([0.5, 0.1])]], [0.5, 0.5])).toThrow(/2 tokens/);
    expect(() => scoreMixture([[score([0.5])]], [0.5])).toThrow(/priors/);
    expect(() => scoreMixture([[score([0.5])]], [1, 0])).toThrow(/priors/);
  });
});

describe('createMixtureScorer', () => {
  /** Bayes, but all weight on the base from a posterior of 0.8. */
  const locking: Combination = {
    contract: 'combination/1',
    name: 'locking',
    start: () => Float64Array.from([0.5, 0.5], Math.log),
    update: (logWeights, tokenLogProbs) => {
      const joint = logWeights.map((w, i) => w + tokenLogProbs[i]!);
      const total = Math.log(joint.reduce((sum, j) => sum + Math.exp(j), 0));
      const weights = joint.map((j) => j - total);
      return weights[0]! > Math.log(0.8) ? Float64Array.of(0, Number.NEGATIVE_INFINITY) : weights;
    },
  };

  it('follows the combination and tells where only the base is left', async () => {
    const scorer = createMixtureScorer({
      members: [
        { scorer: given('llama', [score([0.5, 0.5, 0.25])]), languages: ['eng_Latn'] },
        { scorer: given('pack', [score([0.1, 0.4, 0.9])]), languages: ['aaa_Latn'] },
      ],
      combination: locking,
    });
    const scores = await scorer.score([documentOf('abc')]);
    expect(scorer.name).toBe('locking(llama, pack)');
    expect(Math.exp(scores[0]!.logProbs[0]!)).toBeCloseTo(0.3, 12);
    expect(Math.exp(scores[0]!.logProbs[2]!)).toBeCloseTo(0.25, 12);
    expect([...scores[0]!.basePosterior]).toEqual([expect.closeTo(0.5, 12), 1, 1, 1]);
    expect(baseOnlyShare(scores)).toEqual({ aaa_Latn: 2 / 3 });
  });

  it('tells the language only to who asks for it', async () => {
    const asked: (string | undefined)[] = [];
    const of = (readsLanguage: boolean): Combination => ({
      ...locking,
      readsLanguage,
      start: (_, language) => {
        asked.push(language);
        return Float64Array.of(0, Number.NEGATIVE_INFINITY);
      },
    });
    const members = [
      { scorer: given('llama', [score([0.5])]), languages: [] },
      { scorer: given('pack', [score([0.1])]), languages: ['aaa_Latn'] },
    ];
    for (const readsLanguage of [true, false]) {
      await createMixtureScorer({ members, combination: of(readsLanguage) }).score([documentOf('a')]);
    }
    expect(asked).toEqual(['aaa_Latn', undefined]);
  });
});

describe('posteriorCurves', () => {
  it('gives medians by language; short documents keep their last value', () => {
    const mixed = scoreMixture(
      [
        [score([0.5, 0.5], 'a'), score([0.5], 'b'), score([0.1], 'c', 'bbb_Latn')],
        [score([0.5, 0.1], 'a'), score([0.25], 'b'), score([0.9], 'c', 'bbb_Latn')],
      ],
      [0.5, 0.5],
    );
    const [first, second] = posteriorCurves(mixed, 3);
    expect(first).toMatchObject({ language: 'aaa_Latn', documents: 2 });
    // a: ½, ½, 5/6, 5/6; b: ½, 2/3, 2/3, 2/3
    [1 / 2, 7 / 12, 3 / 4, 3 / 4].forEach((value, i) => {
      expect(first!.median[i]).toBeCloseTo(value, 12);
    });
    expect(second!.median[3]).toBeCloseTo(0.1, 12);
  });
});
