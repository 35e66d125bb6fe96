import { type ConfigProblem, InvalidConfigError, logSumExp, NonFiniteError } from '@moect/core';

/** How a token is chosen from the scores of all, in the order of these options; as transformers does it. */
export interface SamplingOptions {
  /**
   * Tokens that stand in the text already, prompt included, have their score divided by it where that is above 0, else
   * multiplied (CTRL, arXiv 1909.05858). Above 1 repeats less; 1, the default, changes nothing. Scores are the logits
   * of a model, and the log probabilities of a combination.
   */
  readonly repetitionPenalty?: number;
  /** 0 takes the likeliest token (default), whatever the following options; 1 samples from the model's own distribution. */
  readonly temperature?: number;
  /** Only the k likeliest tokens, and those as likely as the last of them; 0 = all (default). */
  readonly topK?: number;
  /** Only the likeliest tokens that together reach this probability (nucleus, arXiv 1904.09751). Default 1. */
  readonly topP?: number;
  /** Only tokens at least this share as likely as the likeliest (arXiv 2407.01082). 0 = all (default). */
  readonly minP?: number;
}

/** Whether a pass accepts the value as τ of its gates. */
export const isGateThreshold = (value: number | null): boolean =>
  value === null || (value >= 0 && value <= 1);

/** Throws InvalidConfigError with every problem. */
export function checkSampling(
  options: SamplingOptions & { readonly maxNewTokens: number; readonly gateThreshold?: number | null },
): void {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const { maxNewTokens, gateThreshold = null } = options;
  const problems: ConfigProblem[] = [];
  const demand = (holds: boolean, path: string, value: number | null, wish: string): void => {
    if (!holds) problems.push({ path, message: `is ${value}, expected ${wish}` });
  };
  demand(Number.isFinite(temperature) && temperature >= 0, 'temperature', temperature, 'a number from 0');
  demand(Number.isInteger(topK) && topK >= 0, 'topK', topK, 'a whole number from 0');
  demand(topP > 0 && topP <= 1, 'topP', topP, 'a number above 0, at most 1');
  demand(minP >= 0 && minP <= 1, 'minP', minP, 'a number from 0 to 1');
  const isPenalty = Number.isFinite(repetitionPenalty) && repetitionPenalty > 0;
  demand(isPenalty, 'repetitionPenalty', repetitionPenalty, 'a number above 0');
  demand(isGateThreshold(gateThreshold), 'gateThreshold', gateThreshold, 'null or a number from 0 to 1');
  demand(
    Number.isInteger(maxNewTokens) && maxNewTokens >= 0,
    'maxNewTokens',
    maxNewTokens,
    'a whole number from 0',
  );
  if (problems.length > 0) throw new InvalidConfigError('generation options', problems);
}

const WEIGHTS_HINT = 'Check the weights of base and extension.';

/**
 * log softmax of one row of logits, in float64.
 * Throws NonFiniteError when a logit is NaN or infinite.
 */
export function logSoftmaxRow(logits: ArrayLike<number>): Float64Array {
  const normalizer = logSumExp(logits);
  if (!Number.isFinite(normalizer)) throw new NonFiniteError('a logit', WEIGHTS_HINT);
  return Float64Array.from({ length: logits.length }, (_, i) => logits[i]! - normalizer);
}

/** Throws NonFiniteError when a logit is NaN or infinite. */
export function checkLogits(logits: ArrayLike<number>): void {
  for (let i = 0; i < logits.length; i++) {
    if (!Number.isFinite(logits[i])) throw new NonFiniteError('a logit', WEIGHTS_HINT);
  }
}

/** Index of the largest value; ties to the lower index. */
export function argMaxOf(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

type Scores = Float32Array | Float64Array;

const NONE: ReadonlySet<number> = new Set();

/** Scores after the repetition penalty; the given ones stay as they are. */
function penalised(
  scores: Scores,
  { repetitionPenalty = 1 }: SamplingOptions,
  seen: ReadonlySet<number>,
): Scores {
  if (repetitionPenalty === 1) return scores;
  const changed = scores.slice();
  for (const token of seen) {
    const score = scores[token]!;
    changed[token] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty;
  }
  return changed;
}

/** Tokens that may be chosen, with their probabilities up to a common factor. */
export interface Candidates {
  readonly tokens: readonly number[];
  readonly weights: readonly number[];
}

const likeliestFirst = (weights: ArrayLike<number>) => (a: number, b: number) =>
  weights[b]! - weights[a]! || a - b;

/** Leading tokens whose weights reach `mass`, likeliest first. Sorts only as many as are needed. */
function nucleus(tokens: readonly number[], weights: ArrayLike<number>, mass: number): number[] {
  for (let cut = Math.exp(-4); ; cut = cut < 1e-300 ? 0 : cut * cut) {
    const leading = tokens.filter((token) => weights[token]! >= cut);
    const reached = leading.reduce((sum, token) => sum + weights[token]!, 0);
    if (reached < mass && cut > 0) continue;
    leading.sort(likeliestFirst(weights));
    let sum = 0;
    for (const [i, token] of leading.entries()) {
      sum += weights[token]!;
      if (sum >= mass) return leading.slice(0, i + 1);
    }
    return leading;
  }
}

/** What {@link sampleToken} draws from, at a temperature above 0. */
export function candidatesOf(
  given: Scores,
  options: SamplingOptions,
  seen: ReadonlySet<number> = NONE,
): Candidates {
  const scores = penalised(given, options, seen);
  const { temperature = 1, topK = 0, topP = 1, minP = 0 } = options;
  const best = scores[argMaxOf(scores)]!;
  const weights = Float64Array.from(scores, (score) => Math.exp((score - best) / temperature));
  let tokens = Array.from(weights.keys());
  if (topK > 0 && topK < tokens.length) {
    const least = weights.toSorted()[weights.length - topK]!;
    tokens = tokens.filter((token) => weights[token]! >= least);
  }
  if (topP < 1) {
    const total = tokens.reduce((sum, token) => sum + weights[token]!, 0);
    tokens = nucleus(tokens, weights, topP * total);
  }
  // the likeliest token has the weight 1
  if (minP > 0) tokens = tokens.filter((token) => weights[token]! >= minP);
  if (tokens.length < weights.length) tokens.sort(likeliestFirst(weights));
  return { tokens, weights: tokens.map((token) => weights[token]!) };
}

/**
 * Chooses a token.
 * @param scores logits, or natural logarithms of probabilities: one for each token
 * @param uniform one number from [0, 1)
 * @param seen tokens of the text so far, for the repetition penalty
 */
export function sampleToken(
  scores: Scores,
  options: SamplingOptions,
  uniform: number,
  seen: ReadonlySet<number> = NONE,
): number {
  if ((options.temperature ?? 0) === 0) return argMaxOf(penalised(scores, options, seen));
  const { tokens, weights } = candidatesOf(scores, options, seen);
  let left = uniform * weights.reduce((a, b) => a + b, 0);
  for (const [i, token] of tokens.entries()) {
    left -= weights[i]!;
    if (left < 0) return token;
  }
  return tokens.at(-1)!;
}
