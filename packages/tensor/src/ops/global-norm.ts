import type { Tensor } from '@moect/core';
import { ClipScale, GlobalNorm, hasKernel, runKernel } from '@moect/kernels';
import { asTf, tf } from '../tf.ts';

/** √(Σ over all tensors of Σ x²), a scalar. */
export function globalNorm(tensors: Iterable<Tensor>): Tensor {
  const all = [...tensors];
  if (all.length > 0 && hasKernel(GlobalNorm)) return runKernel(GlobalNorm, { x: all })[0];
  return tf.tidy(() => {
    const squares = all.map((x) => tf.sum(tf.square(asTf(x))));
    // not addN, whose WebGPU kernel takes no more tensors than a shader has bindings
    return tf.sqrt(squares.length === 0 ? tf.scalar(0) : tf.sum(tf.stack(squares)));
  }) as unknown as Tensor;
}

/** min(1, maxNorm / norm), a scalar: the factor of every gradient when clipping by global norm. */
export function clipScale(norm: Tensor, maxNorm: number): Tensor {
  if (hasKernel(ClipScale)) return runKernel(ClipScale, { norm }, { maxNorm })[0];
  return tf.tidy(() =>
    // as torch.nn.utils.clip_grad_norm_, which adds 1e-6 to the norm
    tf.minimum(tf.div(tf.scalar(maxNorm), tf.add(asTf(norm), 1e-6)), tf.scalar(1)),
  ) as unknown as Tensor;
}
