import { ShapeMismatchError, type Tensor } from '@moect/core';
import { GroupedMatMul, GroupedMatMulGradWeight, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { gradientReaches } from '../tape.ts';
import { asTf, tf } from '../tf.ts';

interface Rest {
  readonly offsets: Tensor;
  readonly transposeW: boolean;
}

const fused = differentiable({
  forward: ({ x, w }: Record<'x' | 'w', Tensor>, { offsets, transposeW }: Rest) =>
    runKernel(GroupedMatMul, { x, w, offsets }, { transposeW }),
  saves: ({ x, w }, { offsets }) => ({
    x: gradientReaches(w) ? x : undefined,
    w: gradientReaches(x) ? w : undefined,
    offsets,
  }),
  gradients: {
    x: ({ dys: [dy], saved: { w, offsets }, rest }) => product(dy, w!, offsets, !rest.transposeW),
    w: ({ dys: [dy], saved: { x, offsets }, rest: { transposeW } }) => {
      const [rows, slopes] = transposeW ? [dy, x!] : [x!, dy];
      const numExperts = offsets.shape[0]! - 1;
      return runKernel(GroupedMatMulGradWeight, { x: rows, dy: slopes, offsets }, { numExperts })[0];
    },
  },
});

/** w[e] · x[r], or its transpose; differentiable any number of times in x. */
function product(x: Tensor, w: Tensor, offsets: Tensor, transposeW: boolean): Tensor {
  return fused({ x, w }, { offsets, transposeW })[0];
}

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
  if (hasKernel(GroupedMatMul)) return product(x, w, offsets, false);
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
