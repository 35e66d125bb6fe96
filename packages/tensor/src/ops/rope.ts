import { ShapeMismatchError, type Tensor } from '@moect/core';
import { hasKernel, Rope, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: ({ x }: { x: Tensor }, tables: Record<'cos' | 'sin' | 'positions', Tensor>) =>
    runKernel(Rope, { x, ...tables }, { inverse: false }),
  saves: (_, tables) => tables,
  gradients: {
    x: ({ dys: [dy], saved }) => runKernel(Rope, { x: dy, ...saved }, { inverse: true })[0],
  },
});

/**
 * Rotary position embedding, rotate-half form as Hugging Face: halves (x₁, x₂) become
 * (x₁·cos − x₂·sin, x₂·cos + x₁·sin).
 * @param x [batch, time, heads, headDim]
 * @param cos [positions, headDim / 2]
 * @param sin [positions, headDim / 2]
 * @param positions [batch, time] int32, rows of the tables
 */
export function rope(x: Tensor, cos: Tensor, sin: Tensor, positions: Tensor): Tensor {
  const headDim = x.shape[3];
  if (x.rank !== 4 || headDim === undefined || headDim !== 2 * (cos.shape[1] ?? 0)) {
    throw new ShapeMismatchError(
      'input of rope',
      x.shape,
      `[batch, time, heads, ${2 * (cos.shape[1] ?? 0)}]`,
    );
  }
  if (hasKernel(Rope)) {
    return fused({ x }, { cos, sin, positions })[0];
  }
  return tf.tidy(() => {
    const [batch, time, heads] = x.shape as [number, number, number];
    const half = headDim / 2;
    const table = (t: Tensor): tf.Tensor =>
      tf.reshape(tf.gather(asTf(t), tf.reshape(asTf(positions), [-1])), [batch, time, 1, half]);
    const [c, s] = [table(cos), table(sin)];
    const x1 = tf.slice(asTf(x), [0, 0, 0, 0], [batch, time, heads, half]);
    const x2 = tf.slice(asTf(x), [0, 0, 0, half], [batch, time, heads, half]);
    return tf.concat([tf.sub(tf.mul(x1, c), tf.mul(x2, s)), tf.add(tf.mul(x2, c), tf.mul(x1, s))], 3);
  }) as unknown as Tensor;
}
