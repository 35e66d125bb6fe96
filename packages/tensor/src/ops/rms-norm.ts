import type { Tensor } from '@moect/core';
import { asTf, fromTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/**
 * Root-mean-square norm over the last axis: x · weight / √(mean(x²) + eps).
 * @param x [..., d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  if (hasKernel('MoectRmsNorm')) {
    return withGradient(
      [x, weight],
      () => ({ value: runKernel('MoectRmsNorm', { x, weight }, { eps })[0]! }),
      (dy, [sx, sw]) => runKernel('MoectRmsNormGrad', { x: sx!, weight: sw!, dy }, { eps }),
    );
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
