import type { Tensor } from '@moect/core';
import { Gelu, GeluGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: ({ x }: { x: Tensor }, attrs: { approximate: 'none' | 'tanh' }) => runKernel(Gelu, { x }, attrs),
  saves: ({ x }) => ({ x }),
  gradients: { x: ({ dys: [dy], saved, rest }) => runKernel(GeluGrad, { ...saved, dy }, rest)[0] },
});

/**
 * Gaussian error linear unit (arXiv 1606.08415).
 * @param approximate `none`: x·Φ(x); `tanh`: the approximation that GPT-2 uses
 */
export function gelu(x: Tensor, approximate: 'none' | 'tanh' = 'none'): Tensor {
  if (hasKernel(Gelu)) {
    return fused({ x }, { approximate })[0];
  }
  return tf.tidy(() => {
    const t = asTf(x);
    const inner =
      approximate === 'tanh'
        ? tf.tanh(tf.mul(tf.add(t, tf.mul(tf.pow(t, 3), 0.044715)), Math.sqrt(2 / Math.PI)))
        : tf.erf(tf.div(t, Math.SQRT2));
    return tf.mul(tf.mul(t, 0.5), tf.add(inner, 1));
  }) as unknown as Tensor;
}
