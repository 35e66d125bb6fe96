import type { DType, Rng, Shape, Tensor, Variable } from '@moect/core';
import { asTf, fromTf, tf } from './tf.ts';

type NumericDType = Extract<DType, 'float32' | 'int32' | 'bool'>;

/** Tensor of the given values, row-major. Throws when their number does not fit the shape. */
export function tensor(
  values: Float32Array | Int32Array | Uint8Array | readonly number[],
  shape: Shape,
  dtype: NumericDType = 'float32',
): Tensor {
  return fromTf(tf.tensor(values as Float32Array, [...shape], dtype));
}

export function scalar(value: number, dtype: NumericDType = 'float32'): Tensor {
  return fromTf(tf.scalar(value, dtype));
}

export function zeros(shape: Shape, dtype: NumericDType = 'float32'): Tensor {
  return fromTf(tf.zeros([...shape], dtype));
}

export function ones(shape: Shape, dtype: NumericDType = 'float32'): Tensor {
  return fromTf(tf.ones([...shape], dtype));
}

export function fill(shape: Shape, value: number, dtype: NumericDType = 'float32'): Tensor {
  return fromTf(tf.fill([...shape], value, dtype));
}

export function zerosLike(x: Tensor): Tensor {
  return fromTf(tf.zerosLike(asTf(x)));
}

/** Samples from N(0, std²), made on the host: the same on every backend. */
export function randomNormal(rng: Rng, shape: Shape, std: number, mean = 0): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(rng.normal(count, mean, std), shape);
}

/**
 * A trainable tensor holding a copy of `value`. It lives until it is disposed, inside of any `tidy`.
 */
export function variable(value: Tensor): Variable {
  // without the product a variable would share its buffer with `value`, and in-place updates would change both
  return tf.tidy(() => tf.variable(tf.mul(asTf(value), 1), true)) as unknown as Variable;
}

/** Replaces a variable's value. Shapes and dtypes must agree. */
export function assign(target: Variable, value: Tensor): void {
  (target as unknown as tf.Variable).assign(asTf(value));
}
