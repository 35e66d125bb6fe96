import { InvalidConfigError } from '@moect/core';
import {
  chooseExperts,
  countAssignments,
  div,
  fill,
  linear,
  mul,
  randomNormal,
  rmsNormalize,
  tidy,
} from '@moect/tensor';

const EPS = 1e-6;

/**
 * Scores experts by the angle between token and expert, so that length has no effect (X-MoE, arXiv 2204.09179):
 * s = softmax(scale · cos(z, w_e)), the topK largest chosen and divided by their sum. `scale` is the initial value of
 * the factor on the cosines; the factor trains. Throws InvalidConfigError.
 * @param {{ readonly topK: number, readonly scale?: number }} options
 * @returns {import('@moect/core').Router}
 */
export function cosineRouter({ topK, scale = 10 }) {
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
      weight: randomNormal(rng, [numExperts, hiddenSize], 1),
      scale: fill([1], scale),
    }),
    route: (params, hidden, { paddingMask }) =>
      tidy(() => {
        const { weight, scale: factor } = params;
        const [numExperts, hiddenSize] = weight.shape;
        // both sides have length √hiddenSize, so their product is hiddenSize times the cosine
        const products = linear(rmsNormalize(hidden, EPS), rmsNormalize(weight, EPS));
        const logits = mul(div(products, hiddenSize), factor);
        const { indices, weights } = chooseExperts(logits, topK, true);
        return {
          expertIndices: indices,
          expertWeights: weights,
          logits,
          tokensPerExpert: countAssignments(indices, numExperts, paddingMask),
          auxLosses: {},
        };
      }),
  };
}

export const parts = { routers: { cosine: cosineRouter } };
