import type { Expert, ParamTree, Tensor } from '@moect/core';
import { combineRows, remake, reshape, slotRows, sortByExpert, tensor, tidy } from '@moect/tensor';

/**
 * Σⱼ weights[n, j] · expert[indices[n, j]](hidden[n]), dropless (MegaBlocks, arXiv 2211.15841): slots are sorted by
 * expert, each expert sees its rows in one grouped product, and nothing is dropped or padded, so a token's result does
 * not depend on its neighbours.
 * @param hidden [tokens, hiddenSize]
 * @param expertIndices [tokens, topK] int32
 * @param expertWeights [tokens, topK] float32
 * @returns [tokens, hiddenSize]
 */
export function dispatchToExperts(
  expert: Expert,
  params: ParamTree,
  hidden: Tensor,
  routing: { readonly expertIndices: Tensor; readonly expertWeights: Tensor },
  numExperts: number,
): Tensor {
  return tidy(() => {
    const { expertIndices, expertWeights } = routing;
    const order = sortByExpert(expertIndices, numExperts);
    const rows = remake({ hidden, ...order }, (given) => slotRows(given.hidden, given));
    if (expert.applyCombined !== undefined) {
      return expert.applyCombined(params, rows, order, expertWeights);
    }
    const results = expert.apply(params, rows, order.offsets);
    return remake({ results, inverse: order.inverse, expertWeights }, (given) =>
      combineRows(given.results, given.inverse, given.expertWeights),
    );
  });
}

/**
 * A single expert on every token: a dense FFN, without a router.
 * @param hidden [tokens, hiddenSize]
 * @returns [tokens, hiddenSize]
 */
export function applySingleExpert(expert: Expert, params: ParamTree, hidden: Tensor): Tensor {
  return tidy(() =>
    reshape(expert.apply(params, hidden, tensor([0, hidden.shape[0]!], [2], 'int32')), hidden.shape),
  );
}
