import {
  type Combination,
  type CombinationMember,
  type Document,
  type DocumentScore,
  InvalidConfigError,
  logSumExp,
  type Scorer,
} from '@moect/core';

export interface MixtureDocumentScore extends DocumentScore {
  /** Probability that the base is the right member: before the first token, then after each one; length n + 1. */
  readonly basePosterior: Float64Array;
}

interface Mixing {
  /** Log weights of the members, nats. */
  start(language: string): Float64Array;
  update(logWeights: Float64Array, tokenLogProbs: readonly number[]): Float64Array;
}

function mismatch(message: string): never {
  throw new InvalidConfigError(
    'mixture',
    [{ path: 'members', message }],
    'Score the same documents, with the same tokenizer, under every member.',
  );
}

function checkSameTokens(scores: readonly DocumentScore[]): void {
  const [first] = scores as [DocumentScore];
  for (const other of scores) {
    const same =
      other.id === first.id &&
      other.language === first.language &&
      other.logProbs.length === first.logProbs.length;
    if (same) continue;
    const say = ({ id, language, logProbs }: DocumentScore): string =>
      `'${id}' (${language}, ${logProbs.length} tokens)`;
    mismatch(`score different documents: ${say(first)} and ${say(other)}`);
  }
}

function mixDocument(members: readonly DocumentScore[], mixing: Mixing): MixtureDocumentScore {
  checkSameTokens(members);
  const [base] = members as [DocumentScore];
  const length = base.logProbs.length;
  const logProbs = new Float64Array(length);
  const basePosterior = new Float64Array(length + 1);
  let logWeights = mixing.start(base.language);
  if (logWeights.length !== members.length) mismatch(`are ${members.length}, weights ${logWeights.length}`);
  basePosterior[0] = Math.exp(logWeights[0]! - logSumExp(logWeights));
  for (let i = 0; i < length; i++) {
    const tokenLogProbs = members.map((member) => member.logProbs[i]!);
    const joint = logWeights.map((weight, m) => weight + tokenLogProbs[m]!);
    logProbs[i] = logSumExp(joint) - logSumExp(logWeights);
    logWeights = mixing.update(logWeights, tokenLogProbs);
    basePosterior[i + 1] = Math.exp(logWeights[0]! - logSumExp(logWeights));
  }
  return { ...base, logProbs, basePosterior };
}

function mixDocuments(
  memberScores: readonly (readonly DocumentScore[])[],
  mixing: Mixing,
): MixtureDocumentScore[] {
  const [base] = memberScores;
  if (base === undefined) return mismatch('are none');
  if (memberScores.some((scores) => scores.length !== base.length))
    mismatch('have different document counts');
  return base.map((_, i) =>
    mixDocument(
      memberScores.map((scores) => scores[i]!),
      mixing,
    ),
  );
}

/**
 * The Bayesian mixture P(next) = Σ wᵢ Pᵢ(next), wᵢ ∝ priorᵢ × likelihood of the document's prefix under i
 * (docs/method.md §4.2), in float64, whatever windows the members were scored in. Nothing is ever dropped.
 * @param memberScores scores of the same documents under the base (first) and each pack
 * @param priors one a member, positive, of sum 1
 * Throws InvalidConfigError.
 */
export function scoreMixture(
  memberScores: readonly (readonly DocumentScore[])[],
  priors: readonly number[],
): MixtureDocumentScore[] {
  const sum = priors.reduce((a, b) => a + b, 0);
  if (!priors.every((p) => p > 0) || Math.abs(sum - 1) > 1e-9) {
    const message = `must be positive and sum to 1, are ${priors.join(', ')}`;
    throw new InvalidConfigError('mixture', [{ path: 'priors', message }]);
  }
  return mixDocuments(memberScores, {
    start: () => Float64Array.from(priors, Math.log),
    // the weights stay unnormalised: the telescoping sum keeps the bound to the last bit
    update: (logWeights, tokenLogProbs) => logWeights.map((weight, m) => weight + tokenLogProbs[m]!),
  });
}

export interface MixtureMember {
  readonly scorer: Scorer;
  /** Language codes that this member is for; a combination that reads the language chooses by them. */
  readonly languages: readonly string[];
}

export interface MixtureScorer extends Scorer {
  score(documents: readonly Document[]): Promise<MixtureDocumentScore[]>;
}

/**
 * Base and packs joined outside the layers by a {@link Combination}. Member 0 is the base; its posterior comes with
 * the scores.
 */
export function createMixtureScorer(options: {
  readonly name?: string;
  readonly members: readonly MixtureMember[];
  readonly combination: Combination;
}): MixtureScorer {
  const { members, combination } = options;
  const described: CombinationMember[] = members.map(({ scorer, languages }, i) => {
    return { name: i === 0 ? 'base' : scorer.name, languages };
  });
  const start = (language: string): Float64Array =>
    combination.start(described, combination.readsLanguage === true ? language : undefined);
  return {
    name: options.name ?? `${combination.name}(${members.map(({ scorer }) => scorer.name).join(', ')})`,
    async score(documents) {
      const scores: (readonly DocumentScore[])[] = [];
      for (const { scorer } of members) scores.push(await scorer.score(documents));
      return mixDocuments(scores, { start, update: (w, p) => combination.update(w, p) });
    },
  };
}
