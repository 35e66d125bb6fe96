import { ShapeMismatchError, type Tensor } from '@moect/core';
import { GatedBlend, GatedBlendGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: (inputs: Record<'residual' | 'base' | 'moe' | 'weight', Tensor>) => runKernel(GatedBlend, inputs),
  saves: ({ base, moe, weight }) => ({ base, moe, weight }),
  together: ({ dys: [dy], saved }) => runKernel(GatedBlendGrad, { ...saved, dy }),
  gradients: {
    residual: ({ dys: [dy] }) => dy,
    base: (_, [dbase]) => dbase,
    moe: (_, [, dmoe]) => dmoe,
    weight: (_, [, , dweight]) => dweight,
  },
});

/**
 * residual + (base + (1 − weight) · (moe − base)): a gated sum of base and moe beside a residual stream. It equals
 * residual + base to the bit where both are equal, and where the weight is 1 and the values are finite.
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
  if (!hasKernel(GatedBlend)) return composed(residual, base, moe, weight);
  return fused({ residual, base, moe, weight }, undefined)[0];
}

function composed(residual: Tensor, base: Tensor, moe: Tensor, weight: Tensor): Tensor {
  return tf.tidy(() => {
    const added = tf.mul(tf.sub(1, asTf(weight)), tf.sub(asTf(moe), asTf(base)));
    return tf.add(asTf(residual), tf.add(asTf(base), added));
  }) as unknown as Tensor;
}
