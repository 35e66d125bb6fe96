import { InvalidConfigError, NonFiniteError, NoSuchComponentError, ShapeMismatchError } from '@moect/core';
import { createRng } from '@moect/tensor';
import { describe, expect, it } from 'vitest';
import { bayesianMixture } from './bayesian-mixture.ts';
import { knownLanguage } from './known-language.ts';
import { mixtureLogProbs } from './mixture-log-probs.ts';

const members = [
  { name: 'base', languages: ['eng_Latn', 'zho_Hans'] },
  { name: 'swahili', languages: ['swh_Latn'] },
  { name: 'andes', languages: ['quy_Latn', 'swh_Latn'] },
];

const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

/** Log-probabilities of the tokens that occurred, under a random distribution over ten. */
function randomMember(seed: number, tokens: number, sharpness: number): Float64Array {
  const rng = createRng(seed);
  return Float64Array.from({ length: tokens }, () => {
    const logits = rng.normal(10, 0, sharpness);
    const most = Math.max(...logits);
    return logits[0]! - most - Math.log(logits.reduce((a, b) => a + Math.exp(b - most), 0));
  });
}

describe('knownLanguage', () => {
  it('gives old languages to the base and new ones to the first pack that has them', () => {
    const combination = knownLanguage();
    expect([...combination.start(members, 'zho_Hans')]).toEqual([0, -Infinity, -Infinity]);
    expect([...combination.start(members, 'swh_Latn')]).toEqual([-Infinity, 0, -Infinity]);
    expect([...combination.start(members, 'quy_Latn')]).toEqual([-Infinity, -Infinity, 0]);
    const weights = combination.start(members, 'eng_Latn');
    expect(combination.update(weights, [-Infinity, 0, 0])).toEqual(weights);
  });

  it('refuses a language that nobody has, and none at all', () => {
    expect(() => knownLanguage().start(members, 'fin_Latn')).toThrow(NoSuchComponentError);
    expect(() => knownLanguage().start(members)).toThrow(/none given.*eng_Latn/);
  });
});

describe('bayesianMixture', () => {
  it('starts from the priors', () => {
    const weights = bayesianMixture({ basePrior: 0.9 }).start(members);
    for (const [i, prior] of [0.9, 0.05, 0.05].entries())
      expect(Math.exp(weights[i]!)).toBeCloseTo(prior, 12);
    expect([...bayesianMixture({ basePrior: 0.3 }).start(members.slice(0, 1))]).toEqual([0]);
  });

  it('is Bayes’ rule', () => {
    const mixture = bayesianMixture();
    let weights = mixture.start(members.slice(0, 2));
    weights = mixture.update(weights, [Math.log(0.2), Math.log(0.6)]);
    expect(Math.exp(weights[1]!)).toBeCloseTo(0.75, 12);
    weights = mixture.update(weights, [Math.log(0.9), Math.log(0.1)]);
    expect(Math.exp(weights[0]!)).toBeCloseTo(0.225 / 0.3, 12);
  });

  it('takes probability 0 and refuses what is no probability', () => {
    const mixture = bayesianMixture();
    const weights = mixture.start(members.slice(0, 2));
    expect([...mixture.update(weights, [-3, -Infinity])]).toEqual([0, -Infinity]);
    expect(mixture.update(weights, [-Infinity, -Infinity])).toEqual(weights);
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => mixture.update(weights, [-1, broken])).toThrow(NonFiniteError);
    }
    expect(() => mixture.update(weights, [-1])).toThrow(ShapeMismatchError);
  });

  it('locks to the base, never to a pack', () => {
    const mixture = bayesianMixture({ lockOdds: 1000 });
    const weights = mixture.start(members.slice(0, 2));
    expect([...mixture.update(weights, [0, -7])]).toEqual([0, -Infinity]);
    const pack = mixture.update(weights, [-50, 0]);
    expect(pack[0]).toBeCloseTo(-50, 9);
  });

  it.each([
    [{ basePrior: 0 }, /above 0/],
    [{ basePrior: 1.2 }, /up to 1/],
    [{ lockOdds: 0.5 }, /from 1/],
    [{ prior: 1 }, /not known/],
  ])('refuses %j', (options, message) => {
    expect(() => bayesianMixture(options as never)).toThrow(InvalidConfigError);
    expect(() => bayesianMixture(options as never)).toThrow(message);
  });
});

describe('mixtureLogProbs', () => {
  const priors = [0.5, 0.5].map(Math.log);

  it('says what the combination says, token by token', () => {
    const all = [1, 2, 3].map((seed) => randomMember(seed, 40, 1));
    for (const lockOdds of [null, 20]) {
      const mixture = bayesianMixture({ basePrior: 0.6, lockOdds });
      let weights = mixture.start(members);
      const { logProbs, posteriors } = mixtureLogProbs(all, weights, { lockOdds });
      for (let t = 0; t < 40; t++) {
        const expected = all.reduce((sum, member, i) => sum + Math.exp(weights[i]! + member[t]!), 0);
        expect(Math.exp(logProbs[t]!)).toBeCloseTo(expected, 12);
        for (const [i, weight] of weights.entries())
          expect(posteriors[i]![t]).toBeCloseTo(Math.exp(weight), 12);
        weights = mixture.update(
          weights,
          all.map((member) => member[t]!),
        );
      }
    }
  });

  it('is the log of the mean likelihood of the document', () => {
    const all = [4, 5].map((seed) => randomMember(seed, 25, 2));
    const { logProbs } = mixtureLogProbs(all, priors);
    const expected = Math.log(all.reduce((sum, member) => sum + 0.5 * Math.exp(total(member)), 0));
    expect(total(logProbs)).toBeCloseTo(expected, 9);
  });

  // law 3b: whatever the packs do, the base loses at most log(1/prior)
  const hostile: Record<string, (base: Float64Array, seed: number) => Float64Array> = {
    'a random pack': (base, seed) => randomMember(seed + 1000, base.length, 3),
    'a pack with all signs flipped': (base) => base.map((value) => -30 / (1 - value)),
    'a pack that says 0 at times': (base, seed) =>
      randomMember(seed + 500, base.length, 1).map((value, t) => (t % 7 === 3 ? -Infinity : value)),
    'a pack that says 0 from the start': (base) => base.map(() => -Infinity),
    'a pack that leads on and then betrays': (base) =>
      base.map((_, t) => (t < base.length / 2 ? -0.01 : -40)),
    'a pack near the limits of float64': (base) => base.map((_, t) => (t % 2 === 0 ? 0 : -1e300)),
  };

  it.each(Object.entries(hostile))('keeps its bound against %s (law 3b)', (_, attack) => {
    for (const basePrior of [0.5, 0.9, 1e-3]) {
      for (const lockOdds of [null, 2, 1e4]) {
        for (let seed = 0; seed < 20; seed++) {
          const base = randomMember(seed, 1 + seed * 17, 2);
          const all = [base, attack(base, seed)];
          const { logProbs } = mixtureLogProbs(all, [Math.log(basePrior), Math.log1p(-basePrior)], {
            lockOdds,
          });
          const [bits, ofBase] = [-total(logProbs) / Math.LN2, -total(base) / Math.LN2];
          expect(bits).toBeLessThanOrEqual(ofBase + Math.log2(1 / basePrior) + 1e-9 * (1 + ofBase));
        }
      }
    }
  });

  it('is the base’s own numbers, bit for bit, once locked', () => {
    const base = Float64Array.from({ length: 30 }, (_, t) => -0.1 - t / 1000);
    const pack = base.map(() => -5);
    const { logProbs, posteriors } = mixtureLogProbs([base, pack], priors, { lockOdds: 1e4 });
    expect([...logProbs.subarray(5)]).toEqual([...base.subarray(5)]);
    expect(posteriors[1]!.at(-1)).toBe(0);
  });

  it('refuses broken input', () => {
    const [short, long] = [new Float64Array(2), new Float64Array(3)];
    expect(() => mixtureLogProbs([short, long], priors)).toThrow(ShapeMismatchError);
    expect(() => mixtureLogProbs([short], priors)).toThrow(ShapeMismatchError);
    expect(() => mixtureLogProbs([short, Float64Array.of(-1, Number.NaN)], priors)).toThrow(NonFiniteError);
    expect(() => mixtureLogProbs([short, short], [-1, -1])).toThrow(/sum to 1/);
    expect(() => mixtureLogProbs([short, short], priors, { lockOdds: 0 })).toThrow(InvalidConfigError);
  });
});
