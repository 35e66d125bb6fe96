import { ShapeMismatchError, type Tensor } from '@moect/core';
import { hasKernel, Linear, LinearGradWeight, LinearInto, runKernel } from '@moect/kernels';
import { differentiable } from '../differentiable.ts';
import { addable } from '../gradient-total.ts';
import { gradientReaches } from '../tape.ts';
import { asTf, fromTf, tf } from '../tf.ts';
import { add } from './elementwise.ts';

const fused = differentiable({
  forward: ({ x, w }: Record<'x' | 'w', Tensor>, attrs: { transposeW: boolean }) =>
    runKernel(Linear, { x, w }, attrs),
  saves: ({ x, w }) => ({ x: gradientReaches(w) ? x : undefined, w: gradientReaches(x) ? w : undefined }),
  gradients: {
    x: ({ dys: [dy], saved: { w }, rest }) => inputGradient(dy, w!, !rest.transposeW),
    w: ({ dys: [dy], saved: { x }, rest }) => (rest.transposeW ? gradWeight(dy, x!) : gradWeight(x!, dy)),
  },
});

const fusedGradWeight = differentiable({
  forward: (inputs: Record<'x' | 'dy', Tensor>) => runKernel(LinearGradWeight, inputs),
  saves: ({ x, dy }) => ({
    x: gradientReaches(dy) ? x : undefined,
    dy: gradientReaches(x) ? dy : undefined,
  }),
  gradients: {
    x: ({ dys: [slope], saved: { dy } }) => product(dy!, slope, true),
    dy: ({ dys: [slope], saved: { x } }) => product(x!, slope, false),
  },
});

/** x · wᵀ, or x · w; differentiable any number of times. */
function product(x: Tensor, w: Tensor, transposeW: boolean): Tensor {
  return fused({ x, w }, { transposeW })[0];
}

function gradWeight(x: Tensor, dy: Tensor): Tensor {
  return fusedGradWeight({ x, dy }, undefined)[0];
}

/** Contribution to the gradient of x, added to the running gradient in place where that is allowed. */
function inputGradient(dy: Tensor, w: Tensor, transposeW: boolean): Tensor {
  const total = addable();
  if (total === null) return product(dy, w, transposeW);
  runKernel(LinearInto, { x: dy, w, total: fromTf(total) }, { transposeW });
  return fromTf(total);
}

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
  if (!hasKernel(Linear)) return composed(x, weight, bias);
  if (bias === undefined) return product(x, weight, false);
  return fromTf(tf.tidy(() => asTf(add(product(x, weight, false), bias))));
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
