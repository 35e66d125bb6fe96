import type { Tensor } from '@moect/core';
import { clone } from '../scope.ts';
import { untaped } from '../tape.ts';

/**
 * A tensor with the same values that no gradient reaches (`stop_gradient` of TensorFlow and JAX). Results computed
 * from it are data to every gradient. TensorFlow.js refuses a gradient path through top-k and comparisons even where
 * it would be zero, so choices are made on such a tensor.
 */
export function stopGradient(x: Tensor): Tensor {
  return untaped(() => clone(x));
}
