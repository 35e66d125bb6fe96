import type { Shape, Tensor } from '@moect/core';
import { asTf, fromTf, tf } from '../tf.ts';

export function reshape(x: Tensor, shape: Shape): Tensor {
  return fromTf(tf.reshape(asTf(x), [...shape]));
}

export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  return fromTf(tf.transpose(asTf(x), permutation === undefined ? undefined : [...permutation]));
}

export function concat(parts: readonly Tensor[], axis = 0): Tensor {
  return fromTf(tf.concat(parts.map(asTf), axis));
}

export function stack(parts: readonly Tensor[], axis = 0): Tensor {
  return fromTf(tf.stack(parts.map(asTf), axis));
}

/** Block of `size` starting at `begin`; size −1 takes the rest of an axis. */
export function slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
  return fromTf(tf.slice(asTf(x), [...begin], [...size]));
}

/** Parts along `axis`, of the given sizes. */
export function split(x: Tensor, sizes: readonly number[], axis = -1): Tensor[] {
  return tf.split(asTf(x), [...sizes], axis < 0 ? x.rank + axis : axis).map(fromTf);
}

/** Repeats the tensor along each axis (rank ≤ 4 where a gradient is needed). */
export function tile(x: Tensor, repetitions: readonly number[]): Tensor {
  return fromTf(tf.tile(asTf(x), [...repetitions]));
}

export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return fromTf(tf.broadcastTo(asTf(x), [...shape]));
}

/** One-hot rows, float32 [..., depth]; indices outside 0 … depth−1 give zeros. */
export function oneHot(indices: Tensor, depth: number): Tensor {
  // stock wasm writes integer bits for float one-hots, so the cast is needed
  return fromTf(tf.tidy(() => tf.cast(tf.oneHot(asTf(indices) as tf.Tensor1D, depth), 'float32')));
}

/** 0, 1, …, count−1 as int32. */
export function range(count: number): Tensor {
  return fromTf(tf.range(0, count, 1, 'int32'));
}
