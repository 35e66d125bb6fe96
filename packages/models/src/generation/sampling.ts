import { type ConfigProblem, InvalidConfigError, logSumExp, NonFiniteError } from '@moect/core';

export interface SamplingOptions {
  /** 0 takes the likeliest token (default); 1 samples from the model's own distribution. */
  readonly temperature?: number;
  /** Only the k likeliest tokens; 0 = all (default). */
  readonly topK?: number;
  /** Only the likeliest tokens that together reach this probability (nucleus, arXiv 1904.09751). Default 1. */
  readonly topP?: number;
}

/** Whether a pass accepts the value as τ of its gates. */
export const isGateThreshold = (value: number | null): boolean =>
  value === null || (value >= 0 && value <= 1);

/** Throws InvalidConfigError with every problem. */
export function checkSampling(
  options: SamplingOptions & { readonly maxNewTokens: number; readonly gateThreshold?: number | null },
): void {
  const { temperature = 0, topK = 0, topP = 1, maxNewTokens, gateThreshold = null } = options;
  const problems: ConfigProblem[] = [];
  const demand = (holds: boolean, path: string, value: number | null, wish: string): void => {
    if (!holds) problems.push({ path, message: `is ${value}, expected ${wish}` });
  };
  demand(Number.isFinite(temperature) && temperature >= 0, 'temperature', temperature, 'a number from 0');
  demand(Number.isInteger(topK) && topK >= 0, 'topK', topK, 'a whole number from 0');
  demand(topP > 0 && topP <= 1, 'topP', topP, 'a number above 0, at most 1');
  demand(isGateThreshold(gateThreshold), 'gateThreshold', gateThreshold, 'null or a number from 0 to 1');
  demand(
    Number.isInteger(maxNewTokens) && maxNewTokens >= 0,
    'maxNewTokens',
    maxNewTokens,
    'a whole number from 0',
  );
  if (problems.length > 0) throw new InvalidConfigError('generation options', problems);
}

/**
 * log softmax of one row of logits, in float64.
 * Throws NonFiniteError when a logit is NaN or infinite.
 */
export function logSoftmaxRow(logits: ArrayLike<number>): Float64Array {
  const normalizer = logSumExp(logits);
  if (!Number.isFinite(normalizer))
    throw new NonFiniteError('a logit', 'Check the weights of base and extension.');
  return Float64Array.from({ length: logits.length }, (_, i) => logits[i]! - normalizer);
}

/** Index of the largest value; ties to the lower index. */
export function argMaxOf(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/**
 * Chooses a token.
 * @param logProbs natural logarithms of the tokens' probabilities
 * @param uniform one number from [0, 1)
 */
export function sampleToken(logProbs: Float64Array, options: SamplingOptions, uniform: number): number {
  const { temperature = 0, topK = 0, topP = 1 } = options;
  if (temperature === 0) return argMaxOf(logProbs);
  const order = Array.from(logProbs.keys());
  if (topK > 0 || topP < 1) order.sort((a, b) => logProbs[b]! - logProbs[a]! || a - b);
  const candidates = topK > 0 ? order.slice(0, topK) : order;
  const best = logProbs[argMaxOf(logProbs)]!;
  const weights = candidates.map((token) => Math.exp((logProbs[token]! - best) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  const kept = topP < 1 ? nucleus(weights, topP * total) : weights.length;
  let left = uniform * weights.slice(0, kept).reduce((a, b) => a + b, 0);
  for (let i = 0; i < kept; i++) {
    left -= weights[i]!;
    if (left < 0) return candidates[i]!;
  }
  return candidates[kept - 1]!;
}

/** Number of leading weights whose sum reaches `mass`. */
function nucleus(weights: readonly number[], mass: number): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]!;
    if (sum >= mass) return i + 1;
  }
  return weights.length;
}
