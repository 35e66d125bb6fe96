import { ShapeMismatchError, type Tensor } from '@moect/core';
import { CrossEntropy, CrossEntropyGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

const fused = differentiable({
  forward: ({ logits }: { logits: Tensor }, { targets }: { targets: Tensor }) =>
    runKernel(CrossEntropy, { logits, targets }),
  saves: ({ logits }, { targets }, [, saved]) => ({ logits, saved, targets }),
  gradients: {
    logits: ({ dys: [dlosses], saved }) => runKernel(CrossEntropyGrad, { ...saved, dlosses })[0],
  },
});

/**
 * −log softmax(logits)[target] for each row, in nats. Rows with target −1 give 0 and no gradient.
 * @param logits [rows, vocabSize] float32
 * @param targets [rows] int32
 * @returns [rows]
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const [rows, vocabSize] = logits.shape as [number, number];
  if (logits.rank !== 2 || targets.rank !== 1 || targets.shape[0] !== rows) {
    throw new ShapeMismatchError(
      'targets of crossEntropy',
      targets.shape,
      `[${rows}] for logits [${logits.shape}]`,
    );
  }
  if (hasKernel(CrossEntropy)) {
    return fused({ logits }, { targets })[0];
  }
  return tf.tidy(() => {
    // oneHot gives a row of zeros for target −1: loss 0 and gradient 0
    const picked = tf.cast(tf.oneHot(asTf(targets) as tf.Tensor1D, vocabSize), 'float32');
    return tf.neg(tf.sum(tf.mul(tf.logSoftmax(asTf(logits)), picked), -1));
  }) as unknown as Tensor;
}
