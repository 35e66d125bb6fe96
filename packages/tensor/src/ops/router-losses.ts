import { ShapeMismatchError, type Tensor } from '@moect/core';
import { asTf, fromTf, hasKernel, runKernel, tf, withGradient } from '../tf.ts';

const maskOf = (logits: Tensor, mask: Tensor | undefined): Tensor => {
  const tokens = logits.shape[0]!;
  if (mask === undefined) return fromTf(tf.ones([tokens]));
  if (mask.size === tokens) return fromTf(tf.reshape(asTf(mask), [tokens]));
  throw new ShapeMismatchError('mask of a router loss', mask.shape, `[${tokens}]`);
};

/** The kernel gives the loss and the factor that stands before the sum over tokens. */
function fused(inputs: Record<string, Tensor> & { readonly logits: Tensor }, kind: 'balance' | 'z'): Tensor {
  const { logits, ...others } = inputs;
  return withGradient(
    [logits],
    () => {
      const [value, factor] = runKernel('MoectRouterLoss', inputs, { kind });
      return { value: value!, saved: [factor!, ...Object.values(others)] };
    },
    (dloss, [logits, factor, ...saved]) => {
      const again = Object.fromEntries(Object.keys(others).map((name, i) => [name, saved[i]!]));
      const given = { logits: logits!, factor: factor!, dloss, ...again };
      return runKernel('MoectRouterLossGrad', given, { kind });
    },
  );
}

/**
 * Load-balancing loss E · Σᵢ fᵢ·Pᵢ of Switch Transformer (arXiv 2101.03961, eq. 4): fᵢ the share of assignments, Pᵢ the
 * mean softmax probability. 1 when balanced. The gradient flows through the probabilities only.
 * @param logits [tokens, numExperts]
 * @param tokensPerExpert [numExperts] float32
 * @param mask [tokens] float32: what each token counts, 0 for padding
 * @returns scalar
 */
export function loadBalance(logits: Tensor, tokensPerExpert: Tensor, mask?: Tensor): Tensor {
  return tf.tidy(() => {
    const counted = maskOf(logits, mask);
    if (hasKernel('MoectRouterLoss')) {
      return asTf(fused({ logits, mask: counted, tokensPerExpert }, 'balance'));
    }
    const [tokens, numExperts] = logits.shape as [number, number];
    const shown = tf.reshape(asTf(counted), [tokens, 1]);
    const probability = tf.div(tf.sum(tf.mul(tf.softmax(asTf(logits)), shown), 0), tf.sum(shown));
    const share = tf.div(asTf(tokensPerExpert), tf.sum(asTf(tokensPerExpert)));
    return tf.mul(tf.sum(tf.mul(share, probability)), numExperts);
  }) as unknown as Tensor;
}

/**
 * Router z-loss: mean over tokens of (log Σᵢ exp zᵢ)² (ST-MoE, arXiv 2202.08906, eq. 5).
 * @param logits [tokens, numExperts]
 * @param mask [tokens] float32: what each token counts, 0 for padding
 * @returns scalar
 */
export function squaredLogSumExp(logits: Tensor, mask?: Tensor): Tensor {
  return tf.tidy(() => {
    const counted = maskOf(logits, mask);
    if (hasKernel('MoectRouterLoss')) return asTf(fused({ logits, mask: counted }, 'z'));
    const squares = tf.square(tf.logSumExp(asTf(logits), -1));
    return tf.div(tf.sum(tf.mul(squares, asTf(counted))), tf.sum(asTf(counted)));
  }) as unknown as Tensor;
}
