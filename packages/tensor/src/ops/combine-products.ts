import { ShapeMismatchError, type Tensor } from '@moect/core';
import { hasKernel, runKernel, withGradient } from '../tf.ts';
import { combineRows, type ExpertOrder } from './expert-order.ts';
import { groupedMatMul } from './grouped-mat-mul.ts';
import { remake } from './recompute.ts';

type Places = Pick<ExpertOrder, 'inverse' | 'tokens' | 'offsets'>;

/**
 * y[n] = Σ_j weights[n, j] · w[e] · x[r] with r = inverse[n·topK + j] and its expert e: the last product of experts and
 * {@link combineRows} of its results. The products are neither kept nor made again for the gradient of `weights`:
 * dy · (w · x) = (wᵀ · dy) · x, and wᵀ · dy is needed for the gradient of x anyway.
 * @param x [tokens · topK, in], sorted by expert
 * @param w [numExperts, out, in]
 * @param order where the rows of tokens and experts are
 * @param weights [tokens, topK]
 * @returns [tokens, out]
 */
export function combineProducts(x: Tensor, w: Tensor, order: Places, weights: Tensor): Tensor {
  const { inverse, tokens, offsets } = order;
  if (!hasKernel('MoectWeightedRowsGrad')) {
    const results = remake({ x, offsets }, (given) => groupedMatMul(given.x, w, given.offsets));
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
  const numExperts = w.shape[0]!;
  return withGradient(
    [x, w, weights],
    () => {
      const rows = runKernel('MoectGroupedMatMul', { x, w, offsets }, { transposeW: false })[0]!;
      const value = runKernel('MoectCombineRows', { rows, inverse, weights })[0]!;
      return { value, saved: [inverse, tokens, offsets] };
    },
    (dy, saved) => {
      const [x, w, weights, inverse, tokens, offsets] = saved as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const rows = runKernel('MoectEmbedding', { table: dy, ids: tokens })[0]!;
      const dx = runKernel('MoectGroupedMatMul', { x: rows, w, offsets }, { transposeW: true })[0]!;
      // puts the weights on both in place
      const weighting = { x, back: dx, dy: rows, inverse, weights };
      const [dweights] = runKernel('MoectWeightedRowsGrad', weighting);
      const [dw] = runKernel('MoectGroupedMatMulGradWeight', { x, dy: rows, offsets }, { numExperts });
      return [dx, dw!, dweights!];
    },
  );
}
