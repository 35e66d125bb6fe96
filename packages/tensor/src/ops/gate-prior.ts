import type { Tensor } from '@moect/core';
import { GatePrior, GatePriorGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, tf } from '../tf.ts';

interface Rest {
  readonly classes: Tensor;
  readonly documentIds: Tensor;
  readonly attrs: GatePriorOptions;
}

const fused = differentiable({
  forward: ({ logit }: { logit: Tensor }, { classes, documentIds, attrs }: Rest) =>
    runKernel(GatePrior, { logit, classes, documentIds }, attrs),
  saves: ({ logit }, { classes, documentIds }) => ({ logit, classes, documentIds }),
  gradients: {
    logit: ({ dys: [dpositive, dnegative], saved, rest: { attrs } }) =>
      runKernel(GatePriorGrad, { ...saved, dpositive, dnegative }, attrs)[0],
  },
});

export interface GatePriorOptions {
  /** Class of the tokens whose gate should be open, and the factor of their sum. */
  readonly positive: number;
  readonly positiveScale: number;
  /** Class of the tokens whose gate should be shut, and the factor of their sum. */
  readonly negative: number;
  readonly negativeScale: number;
}

/**
 * Binary cross-entropy of gates whose class is known, from their logits: `positive` is Σ −log σ(logit) over tokens of
 * the positive class, `negative` Σ −log(1 − σ(logit)) over those of the negative class, each times its scale.
 * Tokens with a negative document number are padding and count nowhere.
 * @param logit float32, one for each token
 * @param classes int32, one for each token
 * @param documentIds int32, one for each token
 * @returns two scalars
 */
export function gatePrior(
  logit: Tensor,
  classes: Tensor,
  documentIds: Tensor,
  options: GatePriorOptions,
): { positive: Tensor; negative: Tensor } {
  if (hasKernel(GatePrior)) {
    const [positive, negative] = fused({ logit }, { classes, documentIds, attrs: { ...options } });
    return { positive, negative };
  }
  return tf.tidy(() => {
    const flat = tf.reshape(asTf(logit), [-1]);
    const shown = tf.greaterEqual(tf.reshape(asTf(documentIds), [-1]), tf.scalar(0, 'int32'));
    const sumOver = (value: number, losses: tf.Tensor, scale: number): tf.Tensor => {
      const isOf = tf.equal(tf.reshape(asTf(classes), [-1]), tf.scalar(value, 'int32'));
      return tf.mul(tf.sum(tf.mul(losses, tf.cast(tf.logicalAnd(isOf, shown), 'float32'))), scale);
    };
    return {
      positive: sumOver(options.positive, tf.softplus(tf.neg(flat)), options.positiveScale),
      negative: sumOver(options.negative, tf.softplus(flat), options.negativeScale),
    };
  }) as unknown as { positive: Tensor; negative: Tensor };
}
