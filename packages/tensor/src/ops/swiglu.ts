import type { Tensor } from '@moect/core';
import { hasKernel, runKernel, Swiglu, SwigluGrad } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: (inputs: Record<'gate' | 'up', Tensor>) => runKernel(Swiglu, inputs),
  saves: (inputs) => inputs,
  together: ({ dys: [dy], saved }) => runKernel(SwigluGrad, { ...saved, dy }),
  gradients: { gate: (_, [dgate]) => dgate, up: (_, [, dup]) => dup },
});

/** silu(gate) · up, elementwise on equal shapes (SwiGLU, arXiv 2002.05202). */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  if (hasKernel(Swiglu)) {
    return fused({ gate, up }, undefined)[0];
  }
  return tf.tidy(() => {
    const g = asTf(gate);
    return tf.mul(tf.mul(g, tf.sigmoid(g)), asTf(up));
  }) as unknown as Tensor;
}
