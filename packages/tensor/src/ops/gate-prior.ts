import type { Tensor } from '@moect/core';
import { asTf, fromTf, hasKernel, runKernel, tf } from '../tf.ts';

const KERNEL = 'MoectGatePrior';

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['logit', 'classes', 'documentIds'],
  gradFunc: (dys, saved, attrs) => {
    const [logit, classes, documentIds] = saved.map(fromTf) as [Tensor, Tensor, Tensor];
    const [dpositive, dnegative] = (dys as tf.Tensor[]).map(fromTf) as [Tensor, Tensor];
    const inputs = { logit, classes, documentIds, dpositive, dnegative };
    return { logit: () => asTf(runKernel(`${KERNEL}Grad`, inputs, { ...attrs })[0]!) };
  },
});

export interface GatePriorOptions {
  /** Class of the tokens whose gate should be open, and what their sum is multiplied with. */
  readonly positive: number;
  readonly positiveScale: number;
  /** Class of the tokens whose gate should be shut, and what their sum is multiplied with. */
  readonly negative: number;
  readonly negativeScale: number;
}

/**
 * Binary cross-entropy of gates whose class is known, from their logits: `positive` is Σ −log σ(logit) over tokens of
 * the positive class, `negative` Σ −log(1 − σ(logit)) over those of the negative class, each times its scale.
 * Tokens with a negative document number are padding and count nowhere.
 * @param logit float32, one for each token
 * @param classes int32, as many
 * @param documentIds int32, as many
 * @returns two scalars
 */
export function gatePrior(
  logit: Tensor,
  classes: Tensor,
  documentIds: Tensor,
  options: GatePriorOptions,
): { positive: Tensor; negative: Tensor } {
  if (hasKernel(KERNEL)) {
    const [positive, negative] = runKernel(KERNEL, { logit, classes, documentIds }, { ...options });
    return { positive: positive!, negative: negative! };
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
