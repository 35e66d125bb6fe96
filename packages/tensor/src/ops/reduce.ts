import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from '../tf.ts';

type Axis = number | number[];

/** Sum over `axis` (default: all, giving a scalar). */
export function sum(x: Tensor, axis?: Axis, keepDims = false): Tensor {
  return fromTf(tf.sum(asTf(x), axis, keepDims));
}

export function mean(x: Tensor, axis?: Axis, keepDims = false): Tensor {
  return fromTf(tf.mean(asTf(x), axis, keepDims));
}

export function max(x: Tensor, axis?: Axis, keepDims = false): Tensor {
  return fromTf(tf.max(asTf(x), axis, keepDims));
}

export function min(x: Tensor, axis?: Axis, keepDims = false): Tensor {
  return fromTf(tf.min(asTf(x), axis, keepDims));
}

export function logSumExp(x: Tensor, axis?: Axis, keepDims = false): Tensor {
  return fromTf(tf.logSumExp(asTf(x), axis, keepDims));
}

/** Position of the largest value along `axis`, int32; ties to the lower index. */
export function argMax(x: Tensor, axis = -1): Tensor {
  return fromTf(tf.argMax(asTf(x), axis < 0 ? x.rank + axis : axis));
}

/** Softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  return fromTf(tf.softmax(asTf(x)));
}

/** Log-softmax over the last axis. */
export function logSoftmax(x: Tensor): Tensor {
  return fromTf(tf.logSoftmax(asTf(x)));
}

/** Running sum along `axis`. */
export function cumsum(x: Tensor, axis = 0, exclusive = false): Tensor {
  return fromTf(tf.cumsum(asTf(x), axis, exclusive));
}
