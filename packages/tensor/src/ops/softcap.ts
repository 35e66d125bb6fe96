import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from '../tf.ts';

/** cap · tanh(x / cap), which stays within ±cap (Gemma 2, arXiv 2408.00118, section 2). @param cap above 0 */
export function softcap(x: Tensor, cap: number): Tensor {
  return fromTf(tf.tidy(() => tf.mul(tf.tanh(tf.mul(asTf(x), 1 / cap)), cap)));
}
