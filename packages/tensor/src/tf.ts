import type { Tensor } from '@moect/core';
import { asTf, asVariable, fromTf } from '@moect/kernels';
import * as tf from '@tensorflow/tfjs-core';
import '@moect/kernels/tfjs-gradients';

export { asTf, asVariable, fromTf, tf };

/** True when the active backend has its own kernel of that name. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/** Runs a kernel by name on the active backend. */
export function runKernel(
  name: string,
  inputs: Record<string, Tensor>,
  attrs: Record<string, unknown> = {},
): Tensor[] {
  const result = tf
    .engine()
    .runKernel(
      name,
      inputs as unknown as Parameters<ReturnType<typeof tf.engine>['runKernel']>[1],
      attrs as Parameters<ReturnType<typeof tf.engine>['runKernel']>[2],
    ) as tf.Tensor | tf.Tensor[];
  return (Array.isArray(result) ? result : [result]).map(fromTf);
}

/**
 * An operation with its own gradient. All gradients are made at once, because one kernel often gives several.
 * @param forward gives the value and what the gradient needs besides the inputs: results, and data such as ids.
 * A scope around the operation may dispose whatever is not named here before the gradient runs. With `keepInputs:
 * false` the gradient needs `saved` alone, and no input is held for it.
 * @param backward gets the inputs (unless they are not kept), then `saved`; gives one gradient for each input
 */
export function withGradient(
  inputs: readonly Tensor[],
  forward: () => { value: Tensor; saved?: readonly Tensor[]; keepInputs?: boolean },
  backward: (dy: Tensor, saved: readonly Tensor[]) => Tensor[],
): Tensor {
  const op = tf.customGrad((...all: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = all[all.length - 1] as tf.GradSaveFunc;
    const { value, saved = [], keepInputs = true } = forward();
    save([...(keepInputs ? inputs : []), ...saved].map(asTf));
    return {
      value: asTf(value),
      gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => backward(fromTf(dy), kept.map(fromTf)).map(asTf),
    };
  });
  return fromTf(op(...inputs.map(asTf)));
}
