import { ShapeMismatchError, type Tensor } from '@moect/core';
import { asTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/**
 * residual + (base + (1 − weight) · (moe − base)): a gated sum of two branches beside a residual stream. Where both are
 * equal, and where the weight is 1 and the values are finite, it is residual + base to the bit.
 * @param residual [..., d]; base and moe have the same shape
 * @param weight [..., 1], the share of `base`
 */
export function gatedBlend(residual: Tensor, base: Tensor, moe: Tensor, weight: Tensor): Tensor {
  const { shape } = residual;
  for (const [name, given, expected] of [
    ['base', base.shape, shape],
    ['moe', moe.shape, shape],
    ['weight', weight.shape, [...shape.slice(0, -1), 1]],
  ] as const) {
    if (given.join() !== expected.join()) {
      throw new ShapeMismatchError(`${name} of gatedBlend`, given, `[${expected.join(', ')}]`);
    }
  }
  if (!hasKernel('MoectGatedBlend')) return composed(residual, base, moe, weight);
  return withGradient(
    [residual, base, moe, weight],
    () => ({
      value: runKernel('MoectGatedBlend', { residual, base, moe, weight })[0]!,
      saved: [base, moe, weight],
      keepInputs: false,
    }),
    (dy, [base, moe, weight]) => [
      dy,
      ...runKernel('MoectGatedBlendGrad', { base: base!, moe: moe!, weight: weight!, dy }),
    ],
  );
}

function composed(residual: Tensor, base: Tensor, moe: Tensor, weight: Tensor): Tensor {
  return tf.tidy(() => {
    const added = tf.mul(tf.sub(1, asTf(weight)), tf.sub(asTf(moe), asTf(base)));
    return tf.add(asTf(residual), tf.add(asTf(base), added));
  }) as unknown as Tensor;
}
