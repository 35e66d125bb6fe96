import { CausalAttention, CausalAttentionGrad } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Id, type Operations, withOperations } from '../operations.ts';
import { implement, type TensorflowCall } from '../tensorflow-backend.ts';

type Sizes = TensorflowCall<typeof CausalAttention>['dims'];

/** Arguments that both kernels share. */
type Shared = Pick<TensorflowCall<typeof CausalAttention>, 'inputs' | 'attrs' | 'dims'>;

/** bool [batch, 1, time, keys]: the keys that each query sees. */
function visible(ops: Operations, { inputs, attrs, dims }: Shared): Id {
  const { time, keys } = dims;
  const { window } = attrs;
  const [queryIds, keyIds] = ops.inputs(inputs.queryDocumentIds, inputs.keyDocumentIds);
  const at = ops.values(
    [time, 1],
    Int32Array.from({ length: time }, (_, t) => keys - time + t),
  );
  const from = ops.values(
    [1, keys],
    Int32Array.from({ length: keys }, (_, key) => key),
  );
  let earlier = ops.run('LessEqual', [from, at]);
  if (window > 0) {
    const inWindow = ops.run('Less', [ops.run('Sub', [at, from]), ops.integer(window)]);
    earlier = ops.run('LogicalAnd', [earlier, inWindow]);
  }
  const keyRow = ops.reshape(keyIds!, [-1, 1, 1, keys]);
  const same = ops.run('Equal', [ops.reshape(queryIds!, [-1, 1, time, 1]), keyRow]);
  const real = ops.run('GreaterEqual', [keyRow, ops.integer(0)]);
  return ops.run('LogicalAnd', [ops.run('LogicalAnd', [same, real]), earlier]);
}

/** Scores behind the cap. */
function capped(ops: Operations, scores: Id, cap: number): Id {
  if (cap === 0) return scores;
  const share = ops.run('Tanh', [ops.run('Mul', [scores, ops.constant(1 / cap)])]);
  return ops.run('Mul', [share, ops.constant(cap)]);
}

/** float [batch, 1, time, 1]: 0 for a query that sees nothing. */
const seesAny = (ops: Operations, mask: Id): Id => {
  const { TF_ATTR_TYPE, TF_FLOAT } = ops.backend.binding;
  return ops.run(
    'Cast',
    [ops.reduce('Any', mask, [-1], true)],
    [{ name: 'DstT', type: TF_ATTR_TYPE, value: TF_FLOAT }],
  );
};

const HEADS_FIRST = [0, 2, 1, 3] as const;

/** [batch, time, heads, d] → [batch, keyHeads, heads / keyHeads · time, d]: heads that share a key head lie together. */
function grouped(ops: Operations, x: Id, { batch, time, heads, headDim, keyHeads }: Sizes): Id {
  const byHead = ops.transpose(x, HEADS_FIRST);
  if (heads === keyHeads) return byHead;
  return ops.reshape(byHead, [batch, keyHeads, (heads / keyHeads) * time, headDim]);
}

/** Splits the heads that {@link grouped} has joined; `width` is the last size. */
const byHead = (ops: Operations, x: Id, { batch, time, heads, keyHeads }: Sizes, width: number): Id =>
  heads === keyHeads ? x : ops.reshape(x, [batch, heads, time, width]);

const regroup = (ops: Operations, x: Id, { batch, time, heads, keyHeads }: Sizes, width: number): Id =>
  heads === keyHeads ? x : ops.reshape(x, [batch, keyHeads, (heads / keyHeads) * time, width]);

/** Result, and the softmax weights for the gradient [batch, heads, time, keys]. */
function causalAttention(call: TensorflowCall<typeof CausalAttention>): readonly [TensorInfo, TensorInfo] {
  const { backend, inputs, attrs, dims: sizes } = call;
  return withOperations(backend, (ops) => {
    const [q, k, v] = ops.inputs(inputs.q, inputs.k, inputs.v);
    const mask = visible(ops, call);
    // applies the scale to the small operand
    const scaled = ops.run('Mul', [q!, ops.constant(attrs.scale)]);
    const scores = ops.matMul(grouped(ops, scaled, sizes), ops.transpose(k!, HEADS_FIRST), false, true);
    const hidden = ops.run('SelectV2', [mask, ops.constant(0), ops.constant(-1e30)]);
    const levels = capped(ops, byHead(ops, scores, sizes, sizes.keys), attrs.softcap);
    const masked = ops.run('AddV2', [levels, hidden]);
    const weights = ops.run('Softmax', [masked]);
    const mixed = ops.matMul(regroup(ops, weights, sizes, sizes.keys), ops.transpose(v!, HEADS_FIRST));
    const out = ops.run('Mul', [byHead(ops, mixed, sizes, sizes.headDim), seesAny(ops, mask)]);
    return [ops.output(ops.transpose(out, HEADS_FIRST)), ops.output(weights)];
  });
}

/** Gradient of the scores from that of the capped ones; the scores are computed again, the softmax alone is kept. */
function throughCap(
  ops: Operations,
  dLevels: Id,
  { attrs: { scale, softcap }, dims: sizes }: Pick<Shared, 'attrs' | 'dims'>,
  q: Id,
  k: Id,
): Id {
  if (softcap === 0) return dLevels;
  const scaled = grouped(ops, ops.run('Mul', [q, ops.constant(scale / softcap)]), sizes);
  const share = ops.run('Tanh', [ops.matMul(scaled, ops.transpose(k, HEADS_FIRST), false, true)]);
  const slope = ops.run('Sub', [ops.constant(1), ops.run('Mul', [share, share])]);
  return ops.run('Mul', [dLevels, slope]);
}

/** dS = P · (dP − Σ dO · O), as in FlashAttention (arXiv 2205.14135). `saved` holds the softmax weights here. */
function causalAttentionGrad(
  call: TensorflowCall<typeof CausalAttentionGrad>,
): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { backend, inputs, attrs, dims: sizes } = call;
  return withOperations(backend, (ops) => {
    const { keys, headDim } = sizes;
    const [q, k, v, out, weights, dout] = ops.inputs(
      ...[inputs.q, inputs.k, inputs.v, inputs.out, inputs.saved, inputs.dout],
    );
    const scale = ops.constant(attrs.scale);
    const heard = seesAny(ops, visible(ops, call));
    const dMixed = ops.run('Mul', [ops.transpose(dout!, HEADS_FIRST), heard]);
    const dGrouped = regroup(ops, dMixed, sizes, headDim);
    const along = ops.transpose(ops.reduce('Sum', ops.run('Mul', [dout!, out!]), [-1], true), HEADS_FIRST);
    const dWeights = ops.matMul(dGrouped, ops.transpose(v!, HEADS_FIRST), false, true);
    const centred = ops.run('Sub', [byHead(ops, dWeights, sizes, keys), along]);
    const dLevels = regroup(ops, ops.run('Mul', [weights!, centred]), sizes, keys);
    const dScores = throughCap(ops, dLevels, call, q!, k!);
    const dq = ops.matMul(dScores, ops.transpose(k!, HEADS_FIRST));
    const scaled = grouped(ops, ops.run('Mul', [q!, scale]), sizes);
    const dk = ops.matMul(dScores, scaled, true);
    const dv = ops.matMul(regroup(ops, weights!, sizes, keys), dGrouped, true);
    const dqByHead = ops.transpose(byHead(ops, dq, sizes, headDim), HEADS_FIRST);
    return [
      ops.output(ops.run('Mul', [dqByHead, scale])),
      ops.output(ops.transpose(dk, HEADS_FIRST)),
      ops.output(ops.transpose(dv, HEADS_FIRST)),
    ];
  });
}

export function registerCausalAttention(): void {
  implement(CausalAttention, causalAttention);
  implement(CausalAttentionGrad, causalAttentionGrad);
}
