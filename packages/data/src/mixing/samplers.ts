import type { Sampler } from '@moect/core';
import { hashNumbers } from '../hashing/mix.ts';
import { normalizeWeights } from './weights.ts';

export interface WeightedSamplerOptions {
  readonly seed: number;
  /**
   * `even` (default): a golden-ratio sequence, whose counts stay within a few draws of weight × draws at any moment.
   * `random`: independent draws.
   */
  readonly spacing?: 'even' | 'random';
}

/** 2³² · (√5 − 1) / 2, made odd: the additive step that fills the unit interval most evenly. */
const goldenStep = 0x9e3779b1;

/** A point in [0, 1). Even spacing meets each 32-bit point once in 2³² draws. */
function unitPoint(counter: number, seed: number, spacing: 'even' | 'random'): number {
  if (spacing === 'random') return hashNumbers(seed, counter) / 2 ** 32;
  return ((hashNumbers(seed) + Math.imul(counter >>> 0, goldenStep)) >>> 0) / 2 ** 32;
}

/**
 * Draws indices in proportion to weights; a pure function of seed and counter.
 * Throws InvalidConfigError for negative weights or all zero.
 */
export function weightedSampler(weights: readonly number[], options: WeightedSamplerOptions): Sampler {
  const { seed, spacing = 'even' } = options;
  const shares = normalizeWeights(weights);
  const bounds: number[] = [];
  let sum = 0;
  for (const share of shares) {
    sum += share;
    bounds.push(sum);
  }
  const last = shares.findLastIndex((share) => share > 0);
  return {
    contract: 'sampler/1',
    at(counter) {
      const point = unitPoint(counter, seed, spacing);
      const index = bounds.findIndex((bound) => point < bound);
      // rounding may leave the sum of shares just below 1
      return index === -1 ? last : index;
    },
  };
}

/** Replay among the first n sequences: ⌊n · share + ½⌋, so the share is kept at every moment (error diffusion). */
export function replayCount(sequences: number, share: number): number {
  return Math.floor(sequences * share + 0.5);
}
