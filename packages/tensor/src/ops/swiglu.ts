import type { Tensor } from '@moect/core';
import { asTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/** silu(gate) · up, elementwise on equal shapes (SwiGLU, arXiv 2002.05202). */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  if (hasKernel('MoectSwiglu')) {
    return withGradient(
      [gate, up],
      () => ({ value: runKernel('MoectSwiglu', { gate, up })[0]! }),
      (dy, [g, u]) => runKernel('MoectSwigluGrad', { gate: g!, up: u!, dy }),
    );
  }
  return tf.tidy(() => {
    const g = asTf(gate);
    return tf.mul(tf.mul(g, tf.sigmoid(g)), asTf(up));
  }) as unknown as Tensor;
}
