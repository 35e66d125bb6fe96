import type { Tensor } from '@moect/core';
import { broadcastTo, cast, concat, reshape, slice, tensor, zeros } from '@moect/tensor';

/** Dimensions that are added to each head; four, so that sizes which are whole vectors stay so. */
const ADDED = 4;

/**
 * The slope of each head of ALiBi (arXiv 2108.12409, section 3 and its published code): 2^(−8i / n) for the largest power
 * of two n ≤ heads, and for the other heads every second slope of 2n heads.
 */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const slopesOf = (count: number): number[] =>
    Array.from({ length: count }, (_, i) => 2 ** ((-8 * (i + 1)) / count));
  const between = slopesOf(2 * power).filter((_, i) => i % 2 === 0);
  return [...slopesOf(power), ...between.slice(0, heads - power)];
}

/** Appends `first` [batch, time, heads, 1] or one number a head to the heads, then zeros. */
function extended(x: Tensor, first: Tensor | null): Tensor {
  const [batch, time, heads] = x.shape as [number, number, number];
  const shape = [batch, time, heads];
  if (first === null) return concat([x, zeros([...shape, ADDED])], 3);
  return concat([x, broadcastTo(first, [...shape, 1]), zeros([...shape, ADDED - 1])], 3);
}

/**
 * Queries, keys and values whose products hold ALiBi: slope · (position of the key) is one more term of q · k. It differs
 * from −slope · distance by slope · (position of the query), which is the same for all keys of a query, so that the
 * softmax does not see it. So attention with a linear bias runs on every attention kernel, forwards and backwards.
 * @param heads [batch, time, heads, headDim] each
 * @param scale factor on the scores, which the bias must not get
 * @param positions [batch, time] int32, of the keys
 */
export function withLinearBias(
  { queries, keys, values }: Readonly<Record<'queries' | 'keys' | 'values', Tensor>>,
  slopes: readonly number[],
  scale: number,
  positions: Tensor,
): Readonly<Record<'queries' | 'keys' | 'values', Tensor>> {
  const factors = tensor(
    slopes.map((slope) => slope / scale),
    [1, 1, slopes.length, 1],
  );
  const [batch, time] = positions.shape as [number, number];
  return {
    queries: extended(queries, factors),
    keys: extended(keys, reshape(cast(positions, 'float32'), [batch, time, 1, 1])),
    values: extended(values, null),
  };
}

/** Heads without the dimensions that {@link withLinearBias} added. */
export function withoutLinearBias(heads: Tensor): Tensor {
  const [batch, time, count, size] = heads.shape as [number, number, number, number];
  return slice(heads, [0, 0, 0, 0], [batch, time, count, size - ADDED]);
}
