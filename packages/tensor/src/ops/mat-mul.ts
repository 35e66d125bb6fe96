import { ShapeMismatchError, type Tensor } from '@moect/core';
import { asTf, fromTf, tf } from '../tf.ts';
import { add } from './elementwise.ts';

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

/**
 * x · wᵀ + bias.
 * @param x [..., in]
 * @param weight [out, in], as Hugging Face stores it
 * @param bias [out]
 * @returns [..., out]
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const inSize = x.shape[x.rank - 1];
  const [outSize, expected] = weight.shape as [number, number];
  if (weight.rank !== 2 || inSize !== expected) {
    throw new ShapeMismatchError(
      'input of linear',
      x.shape,
      `[..., ${expected}] for a weight [${weight.shape}]`,
    );
  }
  return tf.tidy(() => {
    const rows = tf.reshape(asTf(x), [-1, expected]);
    const product = tf.matMul(rows, asTf(weight) as tf.Tensor2D, false, true);
    const out = fromTf(tf.reshape(product, [...x.shape.slice(0, -1), outSize]));
    return asTf(bias === undefined ? out : add(out, bias));
  }) as unknown as Tensor;
}
