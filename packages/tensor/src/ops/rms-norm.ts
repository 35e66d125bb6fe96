import type { Tensor } from '@moect/core';
import {
  hasKernel,
  RmsNorm,
  RmsNormalizeSum,
  RmsNormalizeSumGrad,
  RmsNormGrad,
  runKernel,
} from '@moect/kernels';
import { differentiable, together } from '../differentiable.ts';
import { gradientReaches } from '../tape.ts';
import { asTf, fromTf, tf } from '../tf.ts';

/**
 * Root-mean-square norm over the last axis: x · weight / √(mean(x²) + eps).
 * @param x [..., d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  if (hasKernel(RmsNorm)) {
    const attrs = { eps, withWeight: gradientReaches(weight) };
    return differentiable({
      inputs: { x, weight },
      forward: () => runKernel(RmsNorm, { x, weight }, { eps }),
      saves: () => ({ x, weight }),
      gradients: ([dy], saved) =>
        together(['x', 'weight'], () => runKernel(RmsNormGrad, { ...saved, dy }, attrs)),
    })[0];
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
  return differentiable({
    inputs: { a, b },
    forward: () => runKernel(RmsNormalizeSum, { a, b }, { eps }),
    saves: () => ({ a, b }),
    gradients: ([dy], saved) => {
      const { sum } = together(['sum'], () => runKernel(RmsNormalizeSumGrad, { ...saved, dy }, { eps }));
      return { a: sum, b: sum };
    },
  })[0];
}
