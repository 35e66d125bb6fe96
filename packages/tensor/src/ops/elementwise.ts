import type { Tensor } from '@moect/core';
import { differentiable } from '../differentiable.ts';
import { asTf, fromTf, tf } from '../tf.ts';

type Operand = Tensor | number;

const operand = (x: Operand): tf.Tensor => (typeof x === 'number' ? tf.scalar(x) : asTf(x));
const unary =
  (f: (x: tf.Tensor) => tf.Tensor) =>
  (x: Tensor): Tensor =>
    fromTf(f(asTf(x)));
const binary =
  (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor) =>
  (a: Operand, b: Operand): Tensor =>
    fromTf(f(operand(a), operand(b)));

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

export const add: Binary = binary((a, b) => tf.add(a, b));
export const sub: Binary = binary((a, b) => tf.sub(a, b));
export const mul: Binary = binary((a, b) => tf.mul(a, b));
export const div: Binary = binary((a, b) => tf.div(a, b));
/** Elementwise comparison; result is bool. */
export const greater: Binary = binary((a, b) => tf.greater(a, b));
export const greaterEqual: Binary = binary((a, b) => tf.greaterEqual(a, b));
export const less: Binary = binary((a, b) => tf.less(a, b));
export const equal: Binary = binary((a, b) => tf.equal(a, b));
export const logicalAnd: Binary = binary((a, b) => tf.logicalAnd(a, b));

export const neg: Unary = unary((x) => tf.neg(x));
export const abs: Unary = unary((x) => tf.abs(x));
export const exp: Unary = unary((x) => tf.exp(x));
export const log: Unary = unary((x) => tf.log(x));
export const sqrt: Unary = unary((x) => tf.sqrt(x));
export const rsqrt: Unary = unary((x) => tf.rsqrt(x));
export const square: Unary = unary((x) => tf.square(x));
export const sigmoid: Unary = unary((x) => tf.sigmoid(x));
export const tanh: Unary = unary((x) => tf.tanh(x));
export const relu: Unary = unary((x) => tf.relu(x));
/** log(1 + eˣ), without overflow. */
export const softplus: Unary = unary((x) => tf.softplus(x));
/** x · σ(x). */
export const silu: Unary = unary((x) => tf.mul(x, tf.sigmoid(x)));
const stopped = differentiable({
  forward: ({ x }: { x: Tensor }) => [fromTf(tf.clone(asTf(x)))] as const,
  saves: () => ({}),
  gradients: { x: ({ dys: [dy] }) => fromTf(tf.zerosLike(asTf(dy))) },
});

/** The same values; no gradient flows back. */
export function stopGradient(x: Tensor): Tensor {
  return stopped({ x }, undefined)[0];
}

/** Values below `low` become `low`, above `high` become `high`; the gradient there is 0. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return fromTf(tf.clipByValue(asTf(x), low, high));
}

/** `a` where `condition` (bool) holds, else `b`; shapes broadcast. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return fromTf(tf.where(asTf(condition), asTf(a), asTf(b)));
}

export function cast(x: Tensor, dtype: 'float32' | 'int32' | 'bool'): Tensor {
  return fromTf(tf.cast(asTf(x), dtype));
}
