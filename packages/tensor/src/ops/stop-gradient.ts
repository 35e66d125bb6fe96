import type { Tensor } from '@moect/core';
import { clone } from '../scope.ts';
import { untaped } from '../tape.ts';

/**
 * The same values as a tensor of their own, which no gradient reaches (TensorFlow's `stop_gradient`, JAX's too). What is
 * computed from it is data to every gradient: TensorFlow.js refuses a gradient path through top-k and comparisons even
 * where it would be zero, so choices are made on such a tensor.
 */
export function stopGradient(x: Tensor): Tensor {
  return untaped(() => clone(x));
}
