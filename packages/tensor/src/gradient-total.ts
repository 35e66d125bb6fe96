import { tf } from './tf.ts';

/** Running gradient of the current input. */
let total: tf.Tensor | null = null;

/**
 * Computes an operation's contribution to the gradient of an input. The operation may add it to the running gradient
 * `sofar` in place and return that.
 */
export function withTotal(sofar: tf.Tensor | undefined, ask: () => tf.Tensor): tf.Tensor {
  const outer = total;
  total = sofar ?? null;
  try {
    return ask();
  } finally {
    total = outer;
  }
}

/** The running gradient, to be added to in place; null where there is none or other tensors share its values. */
export function addable(): tf.Tensor | null {
  return total !== null && tf.backend().refCount(total.dataId) === 1 ? total : null;
}
