import { ShapeMismatchError, type Tensor } from '@moect/core';
import {
  hasKernel,
  LoadBalance,
  LoadBalanceGrad,
  runKernel,
  SquaredLogSumExp,
  SquaredLogSumExpGrad,
} from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, fromTf, tf } from '../tf.ts';

const balance = differentiable({
  forward: ({ logits }: { logits: Tensor }, rest: Record<'mask' | 'tokensPerExpert', Tensor>) =>
    runKernel(LoadBalance, { logits, ...rest }),
  saves: ({ logits }, rest, [, factor]) => ({ logits, ...rest, factor }),
  gradients: {
    logits: ({ dys: [dloss], saved }) => runKernel(LoadBalanceGrad, { ...saved, dloss })[0],
  },
});

const zLoss = differentiable({
  forward: ({ logits }: { logits: Tensor }, { mask }: { mask: Tensor }) =>
    runKernel(SquaredLogSumExp, { logits, mask }),
  saves: ({ logits }, { mask }, [, factor]) => ({ logits, mask, factor }),
  gradients: {
    logits: ({ dys: [dloss], saved }) => runKernel(SquaredLogSumExpGrad, { ...saved, dloss })[0],
  },
});

const maskOf = (logits: Tensor, mask: Tensor | undefined): Tensor => {
  const tokens = logits.shape[0]!;
  if (mask === undefined) return fromTf(tf.ones([tokens]));
  if (mask.size === tokens) return fromTf(tf.reshape(asTf(mask), [tokens]));
  throw new ShapeMismatchError('mask of a router loss', mask.shape, `[${tokens}]`);
};

/**
 * Load-balancing loss E · Σᵢ fᵢ·Pᵢ of Switch Transformer (arXiv 2101.03961, eq. 4): fᵢ the share of assignments, Pᵢ the
 * mean softmax probability. 1 when balanced. The gradient flows through the probabilities only.
 * @param logits [tokens, numExperts]
 * @param tokensPerExpert [numExperts] float32
 * @param mask [tokens] float32: weight of each token, 0 for padding
 * @returns scalar
 */
export function loadBalance(logits: Tensor, tokensPerExpert: Tensor, mask?: Tensor): Tensor {
  return tf.tidy(() => {
    const counted = maskOf(logits, mask);
    if (hasKernel(LoadBalance)) {
      const [loss] = balance({ logits }, { mask: counted, tokensPerExpert });
      return asTf(loss);
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
 * @param mask [tokens] float32: weight of each token, 0 for padding
 * @returns scalar
 */
export function squaredLogSumExp(logits: Tensor, mask?: Tensor): Tensor {
  return tf.tidy(() => {
    const counted = maskOf(logits, mask);
    if (hasKernel(SquaredLogSumExp)) {
      const [loss] = zLoss({ logits }, { mask: counted });
      return asTf(loss);
    }
    const squares = tf.square(tf.logSumExp(asTf(logits), -1));
    return tf.div(tf.sum(tf.mul(squares, asTf(counted))), tf.sum(asTf(counted)));
  }) as unknown as Tensor;
}
