import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from '../tf.ts';

/**
 * Matrix product of the last two axes; earlier axes must be equal (no broadcasting: TensorFlow.js has no
 * gradient for it).
 */
export function matMul(
  a: Tensor,
  b: Tensor,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean } = {},
): Tensor {
  return fromTf(tf.matMul(asTf(a), asTf(b), options.transposeA ?? false, options.transposeB ?? false));
}
