import { InvalidConfigError, type Router, type Tensor } from '@moect/core';
import * as t from '@moect/tensor';

export interface CosineRouterOptions {
  /** Experts per token. */
  readonly topK: number;
  /** Initial factor on the cosines; it trains. Default 10. */
  readonly scale?: number;
}

const EPS = 1e-6;

/**
 * Scores experts by the angle between token and expert, so that long vectors win nothing (X-MoE, arXiv 2204.09179):
 * s = softmax(scale · cos(z, w_e)), the topK largest chosen and divided by their sum.
 * Throws InvalidConfigError.
 */
export function cosineRouter({ topK, scale = 10 }: CosineRouterOptions): Router {
  if (!(scale > 0)) {
    throw new InvalidConfigError('cosineRouter', [
      { path: 'scale', message: `must be above 0, is ${scale}` },
    ]);
  }
  return {
    contract: 'router/1',
    name: 'cosine',
    topK,
    init: (rng, { numExperts, hiddenSize }) => ({
      weight: t.randomNormal(rng, [numExperts, hiddenSize], 1),
      scale: t.fill([1], scale),
    }),
    route: (params, hidden, { paddingMask }) =>
      t.tidy(() => {
        const weight = params['weight'] as Tensor;
        const hiddenSize = hidden.shape[1]!;
        const numExperts = weight.shape[0]!;
        // both sides have length √hiddenSize, so their product is hiddenSize times the cosine
        const products = t.linear(t.rmsNormalize(hidden, EPS), t.rmsNormalize(weight, EPS));
        const logits = t.mul(t.div(products, hiddenSize), params['scale'] as Tensor);
        const { indices, weights } = t.chooseExperts(logits, topK, true);
        return {
          expertIndices: indices,
          expertWeights: weights,
          logits,
          tokensPerExpert: t.countAssignments(indices, numExperts, paddingMask),
          auxLosses: {},
        };
      }),
  };
}
