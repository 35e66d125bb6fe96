import type { Tensor } from '@moect/core';
import { CausalMean, CausalMeanGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: ({ x }: { x: Tensor }, { documentIds }: { documentIds: Tensor }) =>
    runKernel(CausalMean, { x, documentIds }),
  saves: (_, { documentIds }) => ({ documentIds }),
  gradients: { x: ({ dys: [dy], saved }) => runKernel(CausalMeanGrad, { dy, ...saved })[0] },
});

/**
 * Mean over each token's prefix within its document; restarts where the document changes.
 * @param x [batch, time, d]
 * @param documentIds [batch, time] int32
 * @returns [batch, time, d]
 */
export function causalMean(x: Tensor, documentIds: Tensor): Tensor {
  if (hasKernel(CausalMean)) {
    return fused({ x }, { documentIds })[0];
  }
  return tf.tidy(() => {
    const time = x.shape[1]!;
    const at = tf.range(0, time, 1, 'int32');
    const causal = tf.lessEqual(tf.reshape(at, [1, 1, time]), tf.reshape(at, [1, time, 1]));
    const ids = asTf(documentIds);
    const same = tf.equal(tf.reshape(ids, [-1, 1, time]), tf.reshape(ids, [-1, time, 1]));
    const shown = tf.cast(tf.logicalAnd(causal, same), 'float32');
    return tf.matMul(tf.div(shown, tf.sum(shown, -1, true)), asTf(x));
  }) as unknown as Tensor;
}
