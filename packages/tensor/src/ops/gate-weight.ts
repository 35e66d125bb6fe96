import { ShapeMismatchError, type Tensor } from '@moect/core';
import { GateWeight, GateWeightGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: (inputs: Record<'left' | 'right' | keyof GateWeightParams, Tensor>) =>
    runKernel(GateWeight, inputs),
  saves: ({ weight }, _, [, probability, tanh]) => ({ weight, probability, tanh }),
  together: ({ dys: [dlogit, dprobability], saved }) =>
    runKernel(GateWeightGrad, { ...saved, dlogit, dprobability }),
  gradients: {
    left: (_, [dsum]) => dsum,
    right: (_, [dsum]) => dsum,
    leftBias: (_, [, dinnerBias]) => dinnerBias,
    rightBias: (_, [, dinnerBias]) => dinnerBias,
    weight: (_, [, , dweight]) => dweight,
    bias: (_, [, , , dbias]) => dbias,
  },
});

export interface GateWeightParams {
  /** [inner] */
  readonly leftBias: Tensor;
  /** [inner] */
  readonly rightBias: Tensor;
  /** [1, inner] */
  readonly weight: Tensor;
  /** [1] */
  readonly bias: Tensor;
}

/**
 * Additive gate of two views of a token (arXiv 2407.00875): logit = weight · tanh(left + leftBias + right + rightBias) + bias.
 * @param left [..., inner]
 * @param right of the same shape
 * @returns `logit` and `probability` = σ(logit), both [..., 1]
 */
export function gateWeight(
  left: Tensor,
  right: Tensor,
  params: GateWeightParams,
): { logit: Tensor; probability: Tensor } {
  const inner = left.shape.at(-1)!;
  if (right.shape.join() !== left.shape.join() || params.weight.shape.join() !== `1,${inner}`) {
    const expected = `[${left.shape.join(', ')}] and a weight [1, ${inner}] (given [${params.weight.shape.join(', ')}])`;
    throw new ShapeMismatchError('right of gateWeight', right.shape, expected);
  }
  if (!hasKernel(GateWeight)) return composed(left, right, params);
  const [logit, probability, tanh] = fused({ left, right, ...params }, undefined);
  tanh.dispose();
  return { logit, probability };
}

function composed(
  left: Tensor,
  right: Tensor,
  { leftBias, rightBias, weight, bias }: GateWeightParams,
): { logit: Tensor; probability: Tensor } {
  return tf.tidy(() => {
    const sums = tf.add(tf.add(asTf(left), asTf(leftBias)), tf.add(asTf(right), asTf(rightBias)));
    const rows = tf.reshape(tf.tanh(sums), [-1, left.shape.at(-1)!]) as tf.Tensor2D;
    const scores = tf.add(tf.matMul(rows, asTf(weight) as tf.Tensor2D, false, true), asTf(bias));
    const logit = tf.reshape(scores, [...left.shape.slice(0, -1), 1]);
    return { logit, probability: tf.sigmoid(logit) };
  }) as unknown as { logit: Tensor; probability: Tensor };
}
