import type { Tensor } from '@moect/core';
import { asTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/**
 * Layer norm over the last axis: (x − mean) / √(variance + eps) · weight + bias.
 * @param x [..., d]
 * @param weight [d]
 * @param bias [d]
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  if (hasKernel('MoectLayerNorm')) {
    return withGradient(
      [x, weight, bias],
      () => ({ value: runKernel('MoectLayerNorm', { x, weight, bias }, { eps })[0]! }),
      (dy, [sx, sw]) => runKernel('MoectLayerNormGrad', { x: sx!, weight: sw!, dy }, { eps }),
    );
  }
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(asTf(x), -1, true);
    const normed = tf.mul(tf.sub(asTf(x), mean), tf.rsqrt(tf.add(variance, eps)));
    return tf.add(tf.mul(normed, asTf(weight)), asTf(bias));
  }) as unknown as Tensor;
}
