import type { Tensor } from '@moect/core';
import { Embedding, EmbeddingGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: ({ table }: { table: Tensor }, { ids }: { ids: Tensor; vocabSize: number }) =>
    runKernel(Embedding, { table, ids }),
  saves: (_, { ids }) => ({ ids }),
  gradients: {
    table: ({ dys: [dy], saved, rest: { vocabSize } }) =>
      runKernel(EmbeddingGrad, { ...saved, dy }, { vocabSize })[0],
  },
});

/**
 * Rows of a table. Its gradient adds up the rows of repeated ids.
 * @param table [rows, d]
 * @param ids int32 of any shape, each in 0 … rows−1
 * @returns [...ids.shape, d]
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  const [rows, d] = table.shape as [number, number];
  if (hasKernel(Embedding)) {
    return fused({ table }, { ids, vocabSize: rows })[0];
  }
  return tf.tidy(() => {
    const flat = tf.reshape(asTf(ids), [-1]);
    return tf.reshape(tf.gather(asTf(table), flat), [...ids.shape, d]);
  }) as unknown as Tensor;
}
