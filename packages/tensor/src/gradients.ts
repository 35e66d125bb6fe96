import type { ParamMap, ParamPath, Tensor } from '@moect/core';
import { asTf, fromTf, tf } from './tf.ts';

/**
 * Value of a scalar function and its gradient for each parameter that it reaches.
 * Parameters that the value does not depend on are absent from `gradients`.
 * The caller disposes value and gradients.
 */
export function valueAndGrads(
  f: () => Tensor,
  parameters: ParamMap,
): { value: Tensor; gradients: Map<ParamPath, Tensor> } {
  const names = [...parameters.keys()];
  const { value, grads } = tf
    .engine()
    .gradients(() => asTf(f()), [...parameters.values()].map(asTf), undefined, true);
  const gradients = new Map<ParamPath, Tensor>();
  grads.forEach((gradient, i) => {
    if (gradient != null) gradients.set(names[i]!, fromTf(gradient));
  });
  return { value: fromTf(value as tf.Tensor), gradients };
}
