import { ShapeMismatchError, type Tensor } from '@moect/core';
import { CausalAttention, CausalAttentionGrad, hasKernel, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { asTf, fromTf, tf } from '../tf.ts';
import { softcap as capped } from './softcap.ts';

interface Rest {
  readonly attrs: { readonly scale: number; readonly window: number; readonly softcap: number };
  readonly masks: Readonly<Record<'queryDocumentIds' | 'keyDocumentIds', Tensor>>;
}

const fused = differentiable({
  forward: (inputs: Record<'q' | 'k' | 'v', Tensor>, { attrs, masks }: Rest) =>
    runKernel(CausalAttention, { ...inputs, ...masks }, attrs),
  saves: (inputs, { masks }, [out, saved]) => ({ ...inputs, out, saved, ...masks }),
  together: ({ dys: [dout], saved, rest }) => runKernel(CausalAttentionGrad, { ...saved, dout }, rest.attrs),
  gradients: { q: (_, [dq]) => dq, k: (_, [, dk]) => dk, v: (_, [, , dv]) => dv },
});

export interface AttentionOptions {
  /** Factor on the scores, usually 1/√headDim. */
  readonly scale: number;
  /** Keys that a query sees, itself included; 0 = all before it. */
  readonly window?: number;
  /** Scaled scores become cap · tanh(score / cap) before the mask; 0, the default: they stay. */
  readonly softcap?: number;
  /** [batch, time] int32 */
  readonly queryDocumentIds: Tensor;
  /** [batch, keys] int32, negative for padding */
  readonly keyDocumentIds: Tensor;
}

/**
 * Causal attention with grouped heads and document masks. Query t (of `time`) is at key
 * keys − time + t; it sees keys up to there, of its own document, inside the window.
 * Query head h reads key head ⌊h / (heads / keyHeads)⌋. A query that sees nothing gives zeros.
 * @param q [batch, time, heads, headDim]
 * @param k [batch, keys, keyHeads, headDim], keys ≥ time
 * @param v [batch, keys, keyHeads, headDim]
 * @returns [batch, time, heads, headDim]
 */
export function causalAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  check(q, k, v);
  const { scale, window = 0, softcap = 0, queryDocumentIds, keyDocumentIds } = options;
  if (!hasKernel(CausalAttention)) return composed(q, k, v, options);
  const masks = { queryDocumentIds, keyDocumentIds };
  return fused({ q, k, v }, { attrs: { scale, window, softcap }, masks })[0];
}

function check(q: Tensor, k: Tensor, v: Tensor): void {
  const [batch, time, heads, headDim] = q.shape;
  const [kBatch, keys, keyHeads, kDim] = k.shape;
  const fits = q.rank === 4 && k.rank === 4 && batch === kBatch && headDim === kDim && keys! >= time!;
  if (!fits || heads! % keyHeads! !== 0 || v.shape.join() !== k.shape.join()) {
    throw new ShapeMismatchError(
      'keys of causalAttention',
      k.shape,
      `[${batch}, at least ${time}, a divisor of ${heads}, ${headDim}], values [${v.shape}] alike`,
    );
  }
}

/** bool [batch, 1, time, keys]: the keys that each query sees. */
function visible(time: number, keys: number, options: AttentionOptions): tf.Tensor {
  const at = tf.reshape(tf.range(keys - time, keys, 1, 'int32'), [1, 1, time, 1]);
  const from = tf.reshape(tf.range(0, keys, 1, 'int32'), [1, 1, 1, keys]);
  const queryIds = tf.reshape(asTf(options.queryDocumentIds), [-1, 1, time, 1]);
  const keyIds = tf.reshape(asTf(options.keyDocumentIds), [-1, 1, 1, keys]);
  const inside = tf.logicalAnd(tf.equal(queryIds, keyIds), tf.greaterEqual(keyIds, tf.scalar(0, 'int32')));
  const causal = tf.logicalAnd(inside, tf.lessEqual(from, at));
  const window = options.window ?? 0;
  if (window === 0) return causal;
  return tf.logicalAnd(causal, tf.less(tf.sub(at, from), tf.scalar(window, 'int32')));
}

/** [batch, keys, keyHeads, d] → [batch, heads, keys, d] */
function repeatHeads(x: tf.Tensor, groups: number): tf.Tensor {
  const [batch, keys, keyHeads, d] = x.shape as [number, number, number, number];
  const perHead = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * keyHeads, 1, keys * d]);
  return tf.reshape(tf.tile(perHead, [1, groups, 1]), [batch, keyHeads * groups, keys, d]);
}

function composed(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  return tf.tidy(() => {
    const [, time, heads] = q.shape as [number, number, number];
    const groups = heads / k.shape[2]!;
    const scores = tf.matMul(tf.transpose(asTf(q), [0, 2, 1, 3]), repeatHeads(asTf(k), groups), false, true);
    const mask = visible(time, k.shape[1]!, options);
    const shown = tf.broadcastTo(mask, scores.shape);
    const scaled = tf.mul(scores, options.scale);
    const { softcap = 0 } = options;
    const levels = softcap === 0 ? scaled : asTf(capped(fromTf(scaled), softcap));
    const masked = tf.where(shown, levels, tf.fill(scores.shape, -1e30));
    // the product zeroes queries that see no key, whose softmax is uniform
    const weights = tf.mul(tf.softmax(masked), tf.cast(mask, 'float32'));
    return tf.transpose(tf.matMul(weights, repeatHeads(asTf(v), groups)), [0, 2, 1, 3]);
  }) as unknown as Tensor;
}
