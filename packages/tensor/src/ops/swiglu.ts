import type { Tensor } from '@moect/core';
import { hasKernel, runKernel, Swiglu, SwigluGrad } from '@moect/kernels';
import { differentiable, together } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

/** silu(gate) · up, elementwise on equal shapes (SwiGLU, arXiv 2002.05202). */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  if (hasKernel(Swiglu)) {
    return differentiable({
      inputs: { gate, up },
      forward: () => runKernel(Swiglu, { gate, up }),
      saves: () => ({ gate, up }),
      gradients: ([dy], saved) => together(['gate', 'up'], () => runKernel(SwigluGrad, { ...saved, dy })),
    })[0];
  }
  return tf.tidy(() => {
    const g = asTf(gate);
    return tf.mul(tf.mul(g, tf.sigmoid(g)), asTf(up));
  }) as unknown as Tensor;
}
