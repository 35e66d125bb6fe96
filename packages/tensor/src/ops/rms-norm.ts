import type { Tensor } from '@moect/core';
import { gradientReaches } from '../tape.ts';
import { asTf, fromTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/**
 * Root-mean-square norm over the last axis: x · weight / √(mean(x²) + eps).
 * @param x [..., d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  if (hasKernel('MoectRmsNorm')) {
    const isTrained = gradientReaches(weight);
    const attrs = { eps, withWeight: isTrained };
    return withGradient(
      isTrained ? [x, weight] : [x],
      () => ({
        value: runKernel('MoectRmsNorm', { x, weight }, { eps })[0]!,
        saved: isTrained ? [] : [weight],
      }),
      (dy, [sx, sw]) => runKernel('MoectRmsNormGrad', { x: sx!, weight: sw!, dy }, attrs),
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

/**
 * {@link rmsNormalize} of a + b.
 * @param a [..., d]
 * @param b of the same shape
 */
export function rmsNormalizeSum(a: Tensor, b: Tensor, eps: number): Tensor {
  if (!hasKernel('MoectRmsNormalizeSum')) {
    return tf.tidy(() => asTf(rmsNormalize(fromTf(tf.add(asTf(a), asTf(b))), eps))) as unknown as Tensor;
  }
  return withGradient(
    [a, b],
    () => ({ value: runKernel('MoectRmsNormalizeSum', { a, b }, { eps })[0]! }),
    (dy, [a, b]) => {
      const [gradient] = runKernel('MoectRmsNormalizeSumGrad', { a: a!, b: b!, dy }, { eps });
      return [gradient!, gradient!];
    },
  );
}
