import { InvalidConfigError } from '@moect/core';
import { groupedMatMul, randomNormal, tidy, zeros } from '@moect/tensor';

/**
 * Low-rank experts, E(z) = B·A·z with B = 0 at the start (LoRAMoE, arXiv 2312.09979): small packs. `startsAtZero`
 * says that they start at zero; the branch then adds to the base's own feed-forward network. Throws InvalidConfigError.
 * @param {{ readonly rank?: number }} options
 * @returns {import('@moect/core').Expert}
 */
export function lowRankExpert({ rank = 8 } = {}) {
  if (!Number.isInteger(rank) || rank < 1) {
    throw new InvalidConfigError('lowRankExpert', [
      { path: 'rank', message: `must be a whole number from 1, is ${rank}` },
    ]);
  }
  return {
    contract: 'expert/1',
    name: 'low-rank',
    startsAtZero: true,
    readsBaseFfn: false,
    // the first dimension of each parameter is the expert
    init: (rng, { hiddenSize, numExperts }) => ({
      a_proj: { weight: randomNormal(rng, [numExperts, rank, hiddenSize], 1 / Math.sqrt(hiddenSize)) },
      b_proj: { weight: zeros([numExperts, hiddenSize, rank]) },
    }),
    // rows come grouped by expert, so that one product serves them all
    apply: ({ a_proj, b_proj }, rows, offsets) =>
      tidy(() => groupedMatMul(groupedMatMul(rows, a_proj.weight, offsets), b_proj.weight, offsets)),
  };
}

export const parts = { experts: { 'low-rank': lowRankExpert } };
