import type { Combination } from '@moect/core';
import { createRng } from '@moect/tensor';
import { createCombinedDecoder, type GenerationMember } from './combined-decoder.ts';
import { checkPrompts, type GenerateOptions, type Generation } from './generate.ts';
import { checkSampling, sampleToken } from './sampling.ts';

export interface CombinedGenerateOptions
  extends Omit<GenerateOptions, 'attachments' | 'overrides' | 'gateThreshold'> {
  /** Language of the text, for combinations that need it. */
  readonly language?: string;
}

export interface CombinedGeneration extends Generation {
  /** The members' weights behind each new token; each set sums to one. */
  readonly posteriors: Float64Array[];
}

/**
 * Continues a prompt with base and packs mixed by `combination`.
 * @param members member 0 is the base
 * Throws InvalidConfigError, NonFiniteError, NoSuchComponentError for a language that no member has.
 */
export async function generateCombined(
  members: readonly GenerationMember[],
  combination: Combination,
  promptIds: readonly number[],
  options: CombinedGenerateOptions,
): Promise<CombinedGeneration> {
  checkSampling(options);
  const decoder = createCombinedDecoder(members, combination, options.language);
  const { maxNewTokens, seed = 0, stopIds = [], onToken, signal } = options;
  const rng = createRng(seed).fork('row 0');
  const seen = new Set(promptIds);
  const [tokens, posteriors]: [number[], Float64Array[]] = [[], []];
  let finishReason: Generation['finishReason'] = 'length';
  try {
    checkPrompts(members[0]!.model, [promptIds], maxNewTokens);
    while (tokens.length < maxNewTokens) {
      if (signal?.aborted === true) {
        finishReason = 'aborted';
        break;
      }
      const logProbs = await decoder.advance(tokens.length === 0 ? promptIds : tokens.slice(-1));
      posteriors.push(decoder.logWeights.map(Math.exp));
      const token = sampleToken(logProbs, options, rng.next(), seen);
      tokens.push(token);
      seen.add(token);
      const isWanted = onToken?.(token, 0) === true;
      if (isWanted || stopIds.includes(token)) {
        finishReason = 'stop';
        break;
      }
    }
  } finally {
    decoder.dispose();
  }
  return { tokens, finishReason, posteriors };
}
