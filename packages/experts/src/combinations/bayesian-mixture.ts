import {
  type Combination,
  InvalidConfigError,
  logSumExp,
  NonFiniteError,
  ShapeMismatchError,
} from '@moect/core';
import { type Check, checkedOptions, number, orNull } from '@moect/core/options';

export type BayesianMixtureOptions = {
  /** The base's weight before the first token; the packs share the rest equally. In (0, 1]. */
  readonly basePrior: number;
  /**
   * From these posterior odds of the base against all packs on, the base is locked: its logits come out bit for bit,
   * and the packs cost nothing more. Null: never. Packs are never locked, because that would forfeit the bound.
   */
  readonly lockOdds: number | null;
};

/** Log-probabilities must be numbers, −Infinity included. Throws NonFiniteError. */
export function checkLogProbs(logProbs: ArrayLike<number>, where: string): void {
  for (let i = 0; i < logProbs.length; i++) {
    const value = logProbs[i]!;
    if (Number.isNaN(value) || value === Number.POSITIVE_INFINITY) {
      throw new NonFiniteError(
        `${where} ${i} (${value})`,
        'A member gave a broken probability; give −Infinity for probability 0.',
      );
    }
  }
}

/** Posterior log weights after one token: wᵢ·Pᵢ, normalised. Unchanged if every member gives 0. */
export function posterior(logWeights: Float64Array, tokenLogProbs: ArrayLike<number>): Float64Array {
  const joint = logWeights.map((weight, i) => weight + tokenLogProbs[i]!);
  const total = logSumExp(joint);
  return total === Number.NEGATIVE_INFINITY ? logWeights.slice() : joint.map((value) => value - total);
}

/** Only the base if its odds reach `lockOdds`, else the given weights. */
export function lockToBase(logWeights: Float64Array, lockOdds: number | null): Float64Array {
  if (lockOdds === null || logWeights.length < 2) return logWeights;
  const packs = logSumExp(logWeights.subarray(1));
  if (logWeights[0]! - packs < Math.log(lockOdds)) return logWeights;
  return logWeights.map((_, i) => (i === 0 ? 0 : Number.NEGATIVE_INFINITY));
}

export const lockCheck: Check = orNull(number({ min: 1 }));

/**
 * Sequence-level Bayesian mixture of base and packs (docs/method.md §4.2): P(next) = Σ wᵢ·Pᵢ(next), wᵢ ∝ prior ×
 * likelihood of the prefix under i. By construction −log₂ P(document) ≤ −log₂ P_base(document) + log₂(1 ÷ basePrior),
 * for every text and whatever the packs do. Float64 natural logarithms. Throws InvalidConfigError; `update` throws
 * NonFiniteError for NaN.
 */
export function bayesianMixture(options: Partial<BayesianMixtureOptions> = {}): Combination {
  const { basePrior, lockOdds } = checkedOptions<BayesianMixtureOptions>('bayesianMixture', options, {
    basePrior: { default: 0.5, check: number({ min: 0, max: 1 }) },
    lockOdds: { default: null, check: lockCheck },
  });
  if (basePrior === 0) {
    throw new InvalidConfigError('bayesianMixture', [
      { path: 'basePrior', message: 'must be above 0: the bound is 1 ÷ it' },
    ]);
  }
  return {
    contract: 'combination/1',
    name: 'mixture',
    start: (members) => {
      const packs = members.length - 1;
      const pack = Math.log((1 - basePrior) / packs);
      return Float64Array.from(members, (_, i) => (i > 0 ? pack : packs === 0 ? 0 : Math.log(basePrior)));
    },
    update: (logWeights, tokenLogProbs) => {
      if (tokenLogProbs.length !== logWeights.length) {
        throw new ShapeMismatchError('tokenLogProbs', [tokenLogProbs.length], `[${logWeights.length}]`);
      }
      checkLogProbs(tokenLogProbs, 'Log-probability of member');
      return lockToBase(posterior(logWeights, tokenLogProbs), lockOdds);
    },
  };
}
