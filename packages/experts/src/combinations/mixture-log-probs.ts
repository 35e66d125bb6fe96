import { InvalidConfigError, logSumExp, ShapeMismatchError } from '@moect/core';
import { checkLogProbs, lockCheck, lockToBase, posterior } from './bayesian-mixture.ts';

export interface MixtureScore {
  /** log P(token | prefix) of the mixture, nats: one per token. */
  readonly logProbs: Float64Array;
  /** Weight of each member in predicting each token (before seeing it): posteriors[member][token], 0 … 1. */
  readonly posteriors: readonly Float64Array[];
}

/**
 * The Bayesian mixture's log-probabilities of one document, from its members'; no model runs. Member 0 is the base.
 * Σ −logProbs ≤ Σ −logProbs of the base − logPriors[0], with or without a lock.
 * Throws ShapeMismatchError, NonFiniteError (NaN or +Infinity) and InvalidConfigError (priors that do not sum to 1).
 * @param memberLogProbs log Pᵢ(token | prefix), nats, one array per member; −Infinity is allowed
 * @param logPriors log of each member's weight before the first token
 * @param options.lockOdds posterior odds from which the base is alone; see `bayesianMixture`
 */
export function mixtureLogProbs(
  memberLogProbs: readonly Float64Array[],
  logPriors: ArrayLike<number>,
  options: { readonly lockOdds?: number | null } = {},
): MixtureScore {
  const { lockOdds = null } = options;
  check(memberLogProbs, logPriors, lockOdds);
  const tokens = memberLogProbs[0]!.length;
  const logProbs = new Float64Array(tokens);
  const posteriors = memberLogProbs.map(() => new Float64Array(tokens));
  let weights = Float64Array.from(logPriors);
  for (let t = 0; t < tokens; t++) {
    const here = memberLogProbs.map((member) => member[t]!);
    for (const [i, weight] of weights.entries()) posteriors[i]![t] = Math.exp(weight);
    logProbs[t] = logSumExp(weights.map((weight, i) => weight + here[i]!));
    weights = Float64Array.from(lockToBase(posterior(weights, here), lockOdds));
  }
  return { logProbs, posteriors };
}

function check(
  members: readonly Float64Array[],
  logPriors: ArrayLike<number>,
  lockOdds: number | null,
): void {
  if (members.length === 0 || members.length !== logPriors.length) {
    throw new ShapeMismatchError('logPriors', [logPriors.length], `[${members.length}], one a member`);
  }
  for (const [i, member] of members.entries()) {
    if (member.length !== members[0]!.length) {
      throw new ShapeMismatchError(
        `log-probabilities of member ${i}`,
        [member.length],
        `[${members[0]!.length}]`,
      );
    }
    checkLogProbs(member, `Log-probability of member ${i} at token`);
  }
  checkLogProbs(logPriors, 'Log prior of member');
  const problem = lockCheck(lockOdds);
  if (problem !== null)
    throw new InvalidConfigError('mixtureLogProbs', [{ path: 'lockOdds', message: problem }]);
  if (Math.abs(logSumExp(logPriors)) > 1e-9) {
    throw new InvalidConfigError('mixtureLogProbs', [
      { path: 'logPriors', message: 'must be logs of weights that sum to 1' },
    ]);
  }
}
