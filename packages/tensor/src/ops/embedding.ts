import type { Tensor } from '@moect/core';
import { asTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

/**
 * Rows of a table. Its gradient adds up the rows of repeated ids.
 * @param table [rows, d]
 * @param ids int32 of any shape, each in 0 … rows−1
 * @returns [...ids.shape, d]
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  const [rows, d] = table.shape as [number, number];
  if (hasKernel('MoectEmbedding')) {
    return withGradient(
      [table],
      () => ({ value: runKernel('MoectEmbedding', { table, ids })[0]!, saved: [ids], keepInputs: false }),
      (dy, [ids]) => runKernel('MoectEmbeddingGrad', { ids: ids!, dy }, { vocabSize: rows }),
    );
  }
  return tf.tidy(() => {
    const flat = tf.reshape(asTf(ids), [-1]);
    return tf.reshape(tf.gather(asTf(table), flat), [...ids.shape, d]);
  }) as unknown as Tensor;
}
