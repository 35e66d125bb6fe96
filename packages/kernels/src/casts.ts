import type { Tensor, Variable } from '@moect/core';
import type * as tf from '@tensorflow/tfjs-core';

/** The one place where structural tensors become TensorFlow.js tensors. */
export function asTf(tensor: Tensor): tf.Tensor {
  return tensor as unknown as tf.Tensor;
}

export function asVariable(tensor: Variable): tf.Variable {
  return tensor as unknown as tf.Variable;
}

export function fromTf(tensor: tf.Tensor): Tensor {
  return tensor as unknown as Tensor;
}
