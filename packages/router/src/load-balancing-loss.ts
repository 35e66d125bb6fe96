import { ShapeMismatchError, type Tensor } from '@moect/core';
import {
  concat,
  countAssignments,
  loadBalance,
  mul,
  reshape,
  squaredLogSumExp,
  stopGradient,
  tidy,
  topK as topKOf,
} from '@moect/tensor';

export interface LoadBalancingOptions {
  /** Experts per token. */
  readonly topK: number;
  /** [tokens] float32, 1 for a real token and 0 for padding; the same for every layer. */
  readonly paddingMask?: Tensor;
  /** `switch`: 1 when balanced. `mixtral`: topK when balanced (Hugging Face's Mixtral and Qwen-MoE). Default `switch`. */
  readonly form?: 'switch' | 'mixtral';
  /** [numExperts]: assignments to use in place of this batch's own, for instance of the whole optimizer step. */
  readonly tokensPerExpert?: Tensor;
}

/**
 * Load-balancing loss of router logits (Switch Transformer, arXiv 2101.03961, eq. 4; GShard, arXiv 2006.16668).
 * Layers are pooled before shares are formed, as Hugging Face's `load_balancing_loss_func` does. The gradient flows
 * through the mean probabilities only. Throws ShapeMismatchError.
 * @param logits [tokens, numExperts], or one such tensor per layer
 * @returns scalar, unweighted
 */
export function loadBalancingLoss(logits: Tensor | readonly Tensor[], options: LoadBalancingOptions): Tensor {
  const layers = Array.isArray(logits) ? (logits as readonly Tensor[]) : [logits as Tensor];
  const [first] = layers;
  const { topK, paddingMask, form = 'switch' } = options;
  if (first?.rank !== 2) {
    throw new ShapeMismatchError('logits of loadBalancingLoss', first?.shape ?? [], '[tokens, numExperts]');
  }
  const [tokens, numExperts] = first.shape as [number, number];
  if (paddingMask !== undefined && paddingMask.size !== tokens) {
    throw new ShapeMismatchError('paddingMask of loadBalancingLoss', paddingMask.shape, `[${tokens}]`);
  }
  return tidy(() => {
    const pooled = layers.length === 1 ? first : concat(layers, 0);
    const flat = paddingMask && reshape(paddingMask, [-1]);
    const mask = flat && (layers.length === 1 ? flat : concat(Array(layers.length).fill(flat), 0));
    const counts =
      options.tokensPerExpert ??
      countAssignments(topKOf(stopGradient(pooled), topK).indices, numExperts, mask);
    const loss = loadBalance(pooled, counts, mask);
    return form === 'mixtral' ? mul(loss, topK) : loss;
  });
}

/**
 * Router z-loss: mean over tokens of (log Σᵢ exp zᵢ)² (ST-MoE, arXiv 2202.08906, eq. 5). Keeps logits small.
 * @param logits [tokens, numExperts]
 * @param paddingMask [tokens] float32, 0 for padding
 * @returns scalar, unweighted
 */
export function routerZLoss(logits: Tensor, paddingMask?: Tensor): Tensor {
  return squaredLogSumExp(logits, paddingMask);
}
