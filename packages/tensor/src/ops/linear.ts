import { ShapeMismatchError, type Tensor } from '@moect/core';
import { addable } from '../gradient-total.ts';
import { asTf, fromTf, hasKernel, runKernel, tf } from '../tf.ts';
import { add } from './elementwise.ts';

const KERNEL = 'MoectLinear';
const INTO = `${KERNEL}Into`;
const GRAD_WEIGHT = `${KERNEL}GradWeight`;

/** x · wᵀ, or x · w. */
const product = (x: Tensor, w: Tensor, transposeW: boolean): tf.Tensor =>
  asTf(runKernel(KERNEL, { x, w }, { transposeW })[0]!);

/** The part of x in its gradient, added to what others gave where their sum may change in place. */
function inputGradient(dy: Tensor, w: Tensor, transposeW: boolean): tf.Tensor {
  const total = addable();
  if (total === null) return product(dy, w, transposeW);
  runKernel(INTO, { x: dy, w, total: fromTf(total) }, { transposeW });
  return total;
}

// lazy getters: a frozen weight then costs no gradient product
tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'w'],
  gradFunc: (dy, saved, attrs) => {
    const [x, w] = saved.map(fromTf) as [Tensor, Tensor];
    const transposeW = attrs['transposeW'] as boolean;
    const slope = fromTf(dy as tf.Tensor);
    const [rows, grads] = transposeW ? [slope, x] : [x, slope];
    return {
      x: () => inputGradient(slope, w, !transposeW),
      w: () => asTf(runKernel(GRAD_WEIGHT, { x: rows, dy: grads })[0]!),
    };
  },
});

tf.registerGradient({
  kernelName: GRAD_WEIGHT,
  inputsToSave: ['x', 'dy'],
  gradFunc: (slope, saved) => {
    const [x, dy] = saved.map(fromTf) as [Tensor, Tensor];
    const g = fromTf(slope as tf.Tensor);
    return { x: () => product(dy, g, true), dy: () => product(x, g, false) };
  },
});

/**
 * x · wᵀ + bias.
 * @param x [..., in]
 * @param weight [out, in], as Hugging Face stores it
 * @param bias [out]
 * @returns [..., out]
 * @throws ShapeMismatchError
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const inSize = x.shape[x.rank - 1];
  const [, expected] = weight.shape as [number, number];
  if (weight.rank !== 2 || inSize !== expected) {
    throw new ShapeMismatchError(
      'input of linear',
      x.shape,
      `[..., ${expected}] for a weight [${weight.shape}]`,
    );
  }
  if (!hasKernel(KERNEL)) return composed(x, weight, bias);
  if (bias === undefined) return fromTf(product(x, weight, false));
  return fromTf(tf.tidy(() => asTf(add(fromTf(product(x, weight, false)), bias))));
}

function composed(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const [outSize, inSize] = weight.shape as [number, number];
  return tf.tidy(() => {
    const rows = tf.reshape(asTf(x), [-1, inSize]);
    const product = tf.matMul(rows, asTf(weight) as tf.Tensor2D, false, true);
    const out = fromTf(tf.reshape(product, [...x.shape.slice(0, -1), outSize]));
    return asTf(bias === undefined ? out : add(out, bias));
  }) as unknown as Tensor;
}
