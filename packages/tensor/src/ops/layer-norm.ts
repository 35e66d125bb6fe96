import type { Tensor } from '@moect/core';
import { hasKernel, LayerNorm, LayerNormGrad, runKernel } from '@moect/kernels';
import { differentiable, together } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

/**
 * Layer norm over the last axis: (x − mean) / √(variance + eps) · weight + bias.
 * @param x [..., d]
 * @param weight [d]
 * @param bias [d]
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  if (hasKernel(LayerNorm)) {
    return differentiable({
      inputs: { x, weight, bias },
      forward: () => runKernel(LayerNorm, { x, weight, bias }, { eps }),
      saves: () => ({ x, weight }),
      gradients: ([dy], saved) =>
        together(['x', 'weight', 'bias'], () => runKernel(LayerNormGrad, { ...saved, dy }, { eps })),
    })[0];
  }
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(asTf(x), -1, true);
    const normed = tf.mul(tf.sub(asTf(x), mean), tf.rsqrt(tf.add(variance, eps)));
    return tf.add(tf.mul(normed, asTf(weight)), asTf(bias));
  }) as unknown as Tensor;
}
