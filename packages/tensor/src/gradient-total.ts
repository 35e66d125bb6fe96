import { tf } from './tf.ts';

/** What the input has got so far whose gradient is being asked for. */
let total: tf.Tensor | null = null;

/**
 * Asks an operation for its part in the gradient of an input. One that can adds to what others gave, `sofar`, and gives
 * that back.
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

/** The gradient so far, for an operation that adds to it in place; null where there is none or others share its values. */
export function addable(): tf.Tensor | null {
  return total !== null && tf.backend().refCount(total.dataId) === 1 ? total : null;
}
