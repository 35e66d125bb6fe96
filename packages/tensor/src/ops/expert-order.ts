import type { Tensor } from '@moect/core';
import {
  CombineRows,
  CombineRowsGrad,
  Embedding,
  hasKernel,
  runKernel,
  SlotRowsGrad,
  SortByExpert,
  TopK,
} from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, fromTf, tf } from '../tf.ts';
import { embedding } from './embedding.ts';

const slots = differentiable({
  forward: ({ x }: { x: Tensor }, { tokens }: { tokens: Tensor; inverse: Tensor; topK: number }) =>
    runKernel(Embedding, { table: x, ids: tokens }),
  saves: (_, { inverse }) => ({ inverse }),
  gradients: {
    x: ({ dys: [dy], saved, rest: { topK } }) => runKernel(SlotRowsGrad, { dy, ...saved }, { topK })[0],
  },
});

const combined = differentiable({
  forward: (inputs: Record<'rows' | 'weights', Tensor>, { inverse }: { inverse: Tensor }) =>
    runKernel(CombineRows, { ...inputs, inverse }),
  saves: (inputs, { inverse }) => ({ ...inputs, inverse }),
  together: ({ dys: [dy], saved }) => runKernel(CombineRowsGrad, { ...saved, dy }),
  gradients: { rows: (_, [drows]) => drows, weights: (_, [, dweights]) => dweights },
});

/**
 * The k largest values of each row, descending; ties to the lower index. Data: no gradient.
 * @param scores [rows, n]
 * @returns values [rows, k] and indices [rows, k] int32
 */
export function topK(scores: Tensor, k: number): { values: Tensor; indices: Tensor } {
  if (hasKernel(TopK)) {
    const [values, indices] = runKernel(TopK, { scores }, { k });
    return { values, indices };
  }
  const { values, indices } = tf.topk(asTf(scores), k);
  return { values: fromTf(values), indices: fromTf(indices) };
}

export interface ExpertOrder {
  /** [tokens · topK] int32: flat slots token·topK + j, stably sorted by expert. */
  readonly order: Tensor;
  /** [tokens · topK] int32: sorted position of each slot. */
  readonly inverse: Tensor;
  /** [tokens · topK] int32: the token of each sorted slot. */
  readonly tokens: Tensor;
  /** [numExperts + 1] int32: expert e owns sorted rows offsets[e] … offsets[e+1] − 1. */
  readonly offsets: Tensor;
}

/**
 * Groups token slots by expert without dropping any (dropless dispatch, arXiv 2211.15841).
 * @param expertIndices [tokens, topK] int32
 */
export function sortByExpert(expertIndices: Tensor, numExperts: number): ExpertOrder {
  if (hasKernel(SortByExpert)) {
    const [order, inverse, offsets, tokens] = runKernel(SortByExpert, { expertIndices }, { numExperts });
    return { order, inverse, offsets, tokens };
  }
  return tf.tidy(() => {
    const flat = tf.reshape(asTf(expertIndices), [-1]);
    const slots = flat.size;
    const slot = tf.range(0, slots, 1, 'int32');
    // expert-major keys are distinct, so any sort of them is stable; exact in float32 up to 2²⁴
    const key = tf.add(tf.mul(tf.cast(flat, 'float32'), slots), tf.cast(slot, 'float32'));
    const ascending = (keys: tf.Tensor): tf.Tensor => tf.cast(tf.topk(tf.neg(keys), slots).indices, 'int32');
    const order = ascending(key);
    const counts = tf.sum(tf.cast(tf.oneHot(flat as tf.Tensor1D, numExperts), 'float32'), 0);
    const ends = tf.cast(tf.cumsum(counts), 'int32');
    return {
      order,
      inverse: ascending(tf.cast(order, 'float32')),
      tokens: tf.floorDiv(order, tf.scalar(expertIndices.shape[1]!, 'int32')),
      offsets: tf.concat([tf.zeros([1], 'int32'), ends]),
    };
  }) as unknown as ExpertOrder;
}

/**
 * Repeats each token's row once per slot, sorted by expert.
 * @param x [tokens, d]
 * @returns [tokens · topK, d]
 */
export function slotRows(x: Tensor, { tokens, inverse }: ExpertOrder): Tensor {
  if (!hasKernel(SlotRowsGrad)) return embedding(x, tokens);
  const topK = x.shape[0] === 0 ? 1 : tokens.size / x.shape[0]!;
  return slots({ x }, { tokens, inverse, topK })[0];
}

/**
 * Brings expert results back to their tokens: y[n] = Σ_j weights[n, j] · rows[inverse[n·k + j]].
 * @param rows [tokens · topK, d], sorted by expert
 * @param inverse [tokens · topK] int32
 * @param weights [tokens, topK]
 * @returns [tokens, d]
 */
export function combineRows(rows: Tensor, inverse: Tensor, weights: Tensor): Tensor {
  if (hasKernel(CombineRows)) {
    return combined({ rows, weights }, { inverse })[0];
  }
  return tf.tidy(() => {
    const [tokens, k] = weights.shape as [number, number];
    const back = tf.reshape(asTf(embedding(rows, inverse)), [tokens, k, rows.shape[1]!]);
    return tf.sum(tf.mul(back, tf.reshape(asTf(weights), [tokens, k, 1])), 1);
  }) as unknown as Tensor;
}
