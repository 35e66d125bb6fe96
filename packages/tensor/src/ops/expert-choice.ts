import { ShapeMismatchError, type Tensor } from '@moect/core';
import { ChooseExperts, ChooseExpertsGrad, CountAssignments, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { untaped } from '../tape.ts';
import { asTf, fromTf, tf } from '../tf.ts';
import { topK } from './expert-order.ts';

const fused = differentiable({
  forward: ({ logits }: { logits: Tensor }, attrs: { k: number; renormalize: boolean }) =>
    runKernel(ChooseExperts, { logits }, attrs),
  saves: ({ logits }, _, [, indices]) => ({ logits, indices }),
  gradients: {
    logits: ({ dys: [dweights], saved, rest }) =>
      runKernel(ChooseExpertsGrad, { ...saved, dweights }, rest)[0],
  },
});

export interface ExpertChoice {
  /** [tokens, topK] int32, the largest logits in descending order, ties to the lower index. Data: no gradient. */
  readonly indices: Tensor;
  /** [tokens, topK]: softmax probabilities of the chosen experts, differentiable in the logits. */
  readonly weights: Tensor;
}

/**
 * The k experts with the largest logits and their softmax probabilities (arXiv 2401.04088).
 * @param logits [tokens, numExperts]
 * @param renormalize divide the chosen probabilities by their sum
 */
export function chooseExperts(logits: Tensor, k: number, renormalize: boolean): ExpertChoice {
  const numExperts = logits.shape[1]!;
  if (logits.rank !== 2 || !Number.isInteger(k) || k < 1 || k > numExperts) {
    throw new ShapeMismatchError('logits of chooseExperts', logits.shape, `[tokens, at least ${k}]`);
  }
  if (!hasKernel(ChooseExperts)) return composed(logits, k, renormalize);
  const [weights, indices] = fused({ logits }, { k, renormalize });
  return { indices, weights };
}

function composed(logits: Tensor, k: number, renormalize: boolean): ExpertChoice {
  return tf.tidy(() => {
    // logits, not probabilities: softmax can round two different logits to one probability
    const indices = untaped(() => asTf(topK(logits, k).indices));
    const [tokens, numExperts] = logits.shape as [number, number];
    const probabilities = tf.reshape(tf.softmax(asTf(logits)), [tokens, 1, numExperts]);
    // a product with one-hot rows, because gathering along the last axis has no gradient in TensorFlow.js
    const chosen = tf.sum(tf.mul(oneHotExperts(fromTf(indices), numExperts), probabilities), -1);
    return { indices, weights: renormalize ? tf.div(chosen, tf.sum(chosen, -1, true)) : chosen };
  }) as unknown as ExpertChoice;
}

/** [tokens, topK, numExperts] float32; unlike in TensorFlow.js, numExperts may be 1. */
function oneHotExperts(indices: Tensor, numExperts: number): tf.Tensor {
  const shape = [...indices.shape, numExperts];
  if (numExperts === 1) return tf.ones(shape);
  const flat = tf.reshape(asTf(indices), [-1]) as tf.Tensor1D;
  return tf.reshape(tf.cast(tf.oneHot(flat, numExperts), 'float32'), shape);
}

/**
 * Number of tokens that chose each expert. Data: no gradient.
 * @param indices [tokens, topK] int32
 * @param mask [tokens] float32: weight of each token, 0 for padding
 * @returns [numExperts] float32
 */
export function countAssignments(indices: Tensor, numExperts: number, mask?: Tensor): Tensor {
  const tokens = indices.shape[0]!;
  if (mask !== undefined && mask.size !== tokens) {
    throw new ShapeMismatchError('mask of countAssignments', mask.shape, `[${tokens}]`);
  }
  return untaped(() =>
    tf.tidy(() => {
      const shown = tf.reshape(mask === undefined ? tf.ones([tokens]) : asTf(mask), [tokens]);
      if (hasKernel(CountAssignments)) {
        const inputs = { indices, mask: fromTf(shown) };
        return asTf(runKernel(CountAssignments, inputs, { numExperts })[0]);
      }
      const chosen = tf.sum(oneHotExperts(indices, numExperts), 1);
      return tf.sum(tf.mul(chosen, tf.reshape(shown, [tokens, 1])), 0);
    }),
  ) as unknown as Tensor;
}
