import type { ParamTree, Tensor } from '@moect/core';
import {
  add,
  cast,
  causalMean,
  div,
  equal,
  greaterEqual,
  logicalAnd,
  mul,
  range,
  reshape,
  slice,
  sum,
  tidy,
} from '@moect/tensor';

/** Sum and count over each row's last document: the state of decoding with a cache. */
interface PoolState {
  /** [batch, 1, hiddenSize] */
  readonly sum: Tensor;
  /** [batch, 1, 1] float32 */
  readonly count: Tensor;
  /** [batch, 1] int32 */
  readonly documentId: Tensor;
}

/** Number of tokens of the same document up to each position, itself included: [batch, time, 1] float32. */
function prefixCounts(documentIds: Tensor): Tensor {
  const [batch, time] = documentIds.shape as [number, number];
  const at = range(time);
  const causal = greaterEqual(reshape(at, [1, time, 1]), reshape(at, [1, 1, time]));
  const same = equal(reshape(documentIds, [batch, time, 1]), reshape(documentIds, [batch, 1, time]));
  return sum(cast(logicalAnd(causal, same), 'float32'), -1, true);
}

/**
 * Mean over each token's prefix within its document. With `state` the prefix continues that of the earlier call.
 * @param x [batch, time, hiddenSize]
 * @param documentIds [batch, time] int32
 */
export function pooledPrefix(x: Tensor, documentIds: Tensor, state?: ParamTree): Tensor {
  if (state === undefined) return causalMean(x, documentIds);
  const carried = state as unknown as PoolState;
  return tidy(() => {
    const goesOn = reshape(cast(equal(documentIds, carried.documentId), 'float32'), [
      ...documentIds.shape,
      1,
    ]);
    const counts = prefixCounts(documentIds);
    const sums = add(mul(causalMean(x, documentIds), counts), mul(goesOn, carried.sum));
    return div(sums, add(counts, mul(goesOn, carried.count)));
  });
}

/** State after these tokens, for the next call. A row's last token determines its document, so pad on the left. */
export function poolState(pooled: Tensor, documentIds: Tensor, state?: ParamTree): ParamTree {
  return tidy(() => {
    const [batch, time, hiddenSize] = pooled.shape as [number, number, number];
    const documentId = slice(documentIds, [0, time - 1], [batch, 1]);
    const own = slice(prefixCounts(documentIds), [0, time - 1, 0], [batch, 1, 1]);
    const carried = state as unknown as PoolState | undefined;
    const count =
      carried === undefined
        ? own
        : add(
            own,
            mul(
              carried.count,
              reshape(cast(equal(documentId, carried.documentId), 'float32'), [batch, 1, 1]),
            ),
          );
    return { sum: mul(slice(pooled, [0, time - 1, 0], [batch, 1, hiddenSize]), count), count, documentId };
  });
}
