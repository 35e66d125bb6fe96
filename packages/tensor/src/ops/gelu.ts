import type { Tensor } from '@moect/core';
import { asTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/**
 * Gaussian error linear unit (arXiv 1606.08415).
 * @param approximate `none`: x·Φ(x); `tanh`: the approximation that GPT-2 uses
 */
export function gelu(x: Tensor, approximate: 'none' | 'tanh' = 'none'): Tensor {
  if (hasKernel('MoectGelu')) {
    return withGradient(
      [x],
      () => ({ value: runKernel('MoectGelu', { x }, { approximate })[0]! }),
      (dy, [sx]) => runKernel('MoectGeluGrad', { x: sx!, dy }, { approximate }),
    );
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
