import { ShapeMismatchError, type Tensor } from '@moect/core';
import {
  CombineRows,
  Embedding,
  GroupedMatMul,
  GroupedMatMulGradWeight,
  hasKernel,
  runKernel,
  WeightedRowsGrad,
} from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { combineRows, type ExpertOrder } from './expert-order.ts';
import { groupedMatMul } from './grouped-mat-mul.ts';
import { remake } from './recompute.ts';

type Places = Pick<ExpertOrder, 'inverse' | 'tokens' | 'offsets'>;

type Inputs = Record<'x' | 'w' | 'weights', Tensor>;

const fused = differentiable({
  forward: ({ x, w, weights }: Inputs, { inverse, offsets }: Places) => {
    const [rows] = runKernel(GroupedMatMul, { x, w, offsets }, { transposeW: false });
    const combined = runKernel(CombineRows, { rows, inverse, weights });
    rows.dispose();
    return combined;
  },
  saves: (inputs, { inverse, tokens, offsets }) => ({ ...inputs, inverse, tokens, offsets }),
  together: ({ dys: [dy], saved: { x, w, weights, inverse, tokens, offsets } }) => {
    const [rows] = runKernel(Embedding, { table: dy, ids: tokens });
    const [dx] = runKernel(GroupedMatMul, { x: rows, w, offsets }, { transposeW: true });
    // multiplies both by the weights in place
    const [dweights] = runKernel(WeightedRowsGrad, { x, back: dx, dy: rows, inverse, weights });
    const numExperts = w.shape[0]!;
    const [dw] = runKernel(GroupedMatMulGradWeight, { x, dy: rows, offsets }, { numExperts });
    return { dx, dw, dweights };
  },
  gradients: { x: (_, { dx }) => dx, w: (_, { dw }) => dw, weights: (_, { dweights }) => dweights },
});

/**
 * y[n] = Σ_j weights[n, j] · w[e] · x[r] with r = inverse[n·topK + j] and its expert e: the last product of experts and
 * {@link combineRows} of its results. The products are neither kept nor recomputed for the gradient of `weights`:
 * dy · (w · x) = (wᵀ · dy) · x, and wᵀ · dy is needed for the gradient of x anyway.
 * @param x [tokens · topK, in], sorted by expert
 * @param w [numExperts, out, in]
 * @param order positions of the rows of tokens and experts
 * @param weights [tokens, topK]
 * @returns [tokens, out]
 */
export function combineProducts(x: Tensor, w: Tensor, order: Places, weights: Tensor): Tensor {
  const { inverse, tokens, offsets } = order;
  if (!hasKernel(WeightedRowsGrad)) {
    // all that is read again on the backward pass goes in: w may be made for this call, as a bias in rows of ones is
    const results = remake({ x, w, offsets }, (given) => groupedMatMul(given.x, given.w, given.offsets));
    return remake({ results, inverse, weights }, (given) =>
      combineRows(given.results, given.inverse, given.weights),
    );
  }
  if (weights.rank !== 2 || weights.size !== x.shape[0]) {
    throw new ShapeMismatchError(
      'weights of combineProducts',
      weights.shape,
      `[tokens, topK] for x [${x.shape}]`,
    );
  }
  return fused({ x, w, weights }, { inverse, tokens, offsets })[0];
}
