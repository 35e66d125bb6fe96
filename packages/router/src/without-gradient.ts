import type { Tensor } from '@moect/core';
import { variable } from '@moect/tensor';

/**
 * Runs `work` on a copy of `x` that no gradient reaches, and disposes the copy.
 * For choices (top-k, comparisons): TensorFlow.js refuses a gradient path through them, even where it would be zero.
 */
export function withoutGradient<T>(x: Tensor, work: (copy: Tensor) => T): T {
  // a variable is a fresh node: nothing that leads to `x` is recorded behind it
  const copy = variable(x);
  try {
    return work(copy);
  } finally {
    copy.dispose();
  }
}
