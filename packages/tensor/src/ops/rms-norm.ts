import type { Tensor } from '@moect/core';
import {
  hasKernel,
  RmsNorm,
  RmsNormalizeSum,
  RmsNormalizeSumGrad,
  RmsNormGrad,
  runKernel,
} from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { gradientReaches } from '../tape.ts';
import { asTf, fromTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: (inputs: Record<'x' | 'weight', Tensor>, { eps }: { eps: number; withWeight: boolean }) =>
    runKernel(RmsNorm, inputs, { eps }),
  saves: (inputs) => inputs,
  together: ({ dys: [dy], saved, rest }) => runKernel(RmsNormGrad, { ...saved, dy }, rest),
  gradients: { x: (_, [dx]) => dx, weight: (_, [, dweight]) => dweight! },
});

const fusedOfSum = differentiable({
  forward: (inputs: Record<'a' | 'b', Tensor>, attrs: { eps: number }) =>
    runKernel(RmsNormalizeSum, inputs, attrs),
  saves: (inputs) => inputs,
  together: ({ dys: [dy], saved, rest }) => runKernel(RmsNormalizeSumGrad, { ...saved, dy }, rest),
  gradients: { a: (_, [gradient]) => gradient, b: (_, [gradient]) => gradient },
});

/**
 * Root-mean-square norm over the last axis: x · weight / √(mean(x²) + eps).
 * @param x [..., d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  if (hasKernel(RmsNorm)) {
    return fused({ x, weight }, { eps, withWeight: gradientReaches(weight) })[0];
  }
  return tf.tidy(() => {
    const t = asTf(x);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(t), -1, true), eps));
    return tf.mul(tf.mul(t, inverse), asTf(weight));
  }) as unknown as Tensor;
}

/** {@link rmsNorm} without a weight. */
export function rmsNormalize(x: Tensor, eps: number): Tensor {
  return tf.tidy(() => asTf(rmsNorm(x, fromTf(tf.ones([x.shape[x.rank - 1]!])), eps))) as unknown as Tensor;
}

/**
 * {@link rmsNormalize} of a + b.
 * @param a [..., d]
 * @param b of the same shape
 */
export function rmsNormalizeSum(a: Tensor, b: Tensor, eps: number): Tensor {
  if (!hasKernel(RmsNormalizeSum)) {
    return tf.tidy(() => asTf(rmsNormalize(fromTf(tf.add(asTf(a), asTf(b))), eps))) as unknown as Tensor;
  }
  return fusedOfSum({ a, b }, { eps })[0];
}
