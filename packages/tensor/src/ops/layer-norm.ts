import type { Tensor } from '@moect/core';
import { hasKernel, LayerNorm, LayerNormGrad, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: (inputs: Record<'x' | 'weight' | 'bias', Tensor>, attrs: { eps: number }) =>
    runKernel(LayerNorm, inputs, attrs),
  saves: ({ x, weight }) => ({ x, weight }),
  together: ({ dys: [dy], saved, rest }) => runKernel(LayerNormGrad, { ...saved, dy }, rest),
  gradients: {
    x: (_, [dx]) => dx,
    weight: (_, [, dweight]) => dweight,
    bias: (_, [, , dbias]) => dbias,
  },
});

/**
 * Layer norm over the last axis: (x − mean) / √(variance + eps) · weight + bias.
 * @param x [..., d]
 * @param weight [d]
 * @param bias [d]
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  if (hasKernel(LayerNorm)) {
    return fused({ x, weight, bias }, { eps })[0];
  }
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(asTf(x), -1, true);
    const normed = tf.mul(tf.sub(asTf(x), mean), tf.rsqrt(tf.add(variance, eps)));
    return tf.add(tf.mul(normed, asTf(weight)), asTf(bias));
  }) as unknown as Tensor;
}
