import { ShapeMismatchError, type Tensor } from '@moect/core';
import { asTf, fromTf, hasKernel, runKernel, tf } from '../tf.ts';

const KERNEL = 'MoectGroupedMatMul';

// lazy getters: a frozen weight then costs no gradient product
tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'w', 'offsets'],
  gradFunc: (dy, saved, attrs) => {
    const [x, w, offsets] = saved.map(fromTf) as [Tensor, Tensor, Tensor];
    const transposeW = attrs['transposeW'] as boolean;
    const numExperts = w.shape[0]!;
    const [rows, grads] = transposeW ? [fromTf(dy as tf.Tensor), x] : [x, fromTf(dy as tf.Tensor)];
    return {
      x: () =>
        asTf(runKernel(KERNEL, { x: fromTf(dy as tf.Tensor), w, offsets }, { transposeW: !transposeW })[0]!),
      w: () => asTf(runKernel(`${KERNEL}GradWeight`, { x: rows, dy: grads, offsets }, { numExperts })[0]!),
      offsets: () => tf.zerosLike(asTf(offsets)),
    };
  },
});

/**
 * One product per expert on rows grouped by expert: y[r] = w[e] · x[r] for offsets[e] ≤ r < offsets[e+1].
 * The offsets stay on the device; empty experts are fine.
 * @param x [rows, in]
 * @param w [numExperts, out, in]
 * @param offsets [numExperts + 1] int32
 * @returns [rows, out]
 */
export function groupedMatMul(x: Tensor, w: Tensor, offsets: Tensor): Tensor {
  const [numExperts, , inSize] = w.shape as [number, number, number];
  if (w.rank !== 3 || x.rank !== 2 || x.shape[1] !== inSize || offsets.shape[0] !== numExperts + 1) {
    throw new ShapeMismatchError(
      'input of groupedMatMul',
      x.shape,
      `[rows, ${inSize}] for weights [${w.shape}] and offsets [${offsets.shape}]`,
    );
  }
  if (hasKernel(KERNEL)) return runKernel(KERNEL, { x, w, offsets }, { transposeW: false })[0]!;
  return composed(x, w, offsets);
}

/** Every expert on every row, masked: exact on any backend, at numExperts times the cost. */
function composed(x: Tensor, w: Tensor, offsets: Tensor): Tensor {
  return tf.tidy(() => {
    const [numExperts, outSize, inSize] = w.shape as [number, number, number];
    const row = tf.reshape(tf.range(0, x.shape[0]!, 1, 'int32'), [-1, 1]);
    const bounds = tf.reshape(asTf(offsets), [1, -1]);
    const starts = tf.slice(bounds, [0, 0], [1, numExperts]);
    const ends = tf.slice(bounds, [0, 1], [1, numExperts]);
    const owner = tf.cast(tf.logicalAnd(tf.greaterEqual(row, starts), tf.less(row, ends)), 'float32');
    const parts = Array.from({ length: numExperts }, (_, e) => {
      const weight = tf.reshape(tf.slice(asTf(w), [e, 0, 0], [1, outSize, inSize]), [outSize, inSize]);
      const mine = tf.slice(owner, [0, e], [x.shape[0]!, 1]);
      return tf.mul(tf.matMul(asTf(x) as tf.Tensor2D, weight as tf.Tensor2D, false, true), mine);
    });
    return parts.reduce((a, b) => tf.add(a, b));
  }) as unknown as Tensor;
}
