import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from '../tf.ts';

/**
 * Zeros with `x` in some of the columns: y[.., columns[j]] = x[.., j]. Columns that repeat add up.
 * @param x float32 [.., n]
 * @param columns [n] int32, each in 0 … width−1
 * @returns [.., width]
 */
export function spreadColumns(x: Tensor, columns: Tensor, width: number): Tensor {
  const leading = x.shape.slice(0, -1);
  const n = x.shape.at(-1)!;
  return fromTf(
    tf.tidy(() => {
      const rows = tf.transpose(tf.reshape(asTf(x), [-1, n]) as tf.Tensor2D);
      const spread = tf.unsortedSegmentSum(rows, asTf(columns) as tf.Tensor1D, width);
      return tf.reshape(tf.transpose(spread), [...leading, width]);
    }),
  );
}
