import type { Tensor } from '@moect/core';
import * as tf from '@tensorflow/tfjs-core';
import { fromTf } from './casts.ts';
import type { Attrs, Inputs, KernelSpec, Outputs } from './spec.ts';

/** True when the active backend has the kernel. */
export function hasKernel(spec: KernelSpec): boolean {
  return tf.getKernel(spec.name, tf.getBackend()) != null;
}

/** Attributes, where the kernel has any. */
type AttrsOf<S extends KernelSpec> = S extends { readonly attrs: object } ? [attrs: Attrs<S>] : [];

type Run = (name: string, inputs: Readonly<Record<string, Tensor>>, attrs: object) => tf.Tensor | tf.Tensor[];

/** Runs a kernel on the active backend, which checks the call. */
export function runKernel<S extends KernelSpec>(
  spec: S,
  inputs: Inputs<S, Tensor>,
  ...attrs: AttrsOf<S>
): Outputs<S, Tensor> {
  const engine = tf.engine() as unknown as { runKernel: Run };
  const result = engine.runKernel(spec.name, named(spec, inputs), (attrs as readonly object[])[0] ?? {});
  return (Array.isArray(result) ? result.map(fromTf) : [fromTf(result)]) as unknown as Outputs<S, Tensor>;
}

const withLists = new WeakMap<KernelSpec, boolean>();

/** Numbers the tensors of lists, because TensorFlow.js takes tensors by name. */
function named<S extends KernelSpec>(spec: S, inputs: Inputs<S, Tensor>): Readonly<Record<string, Tensor>> {
  let hasLists = withLists.get(spec);
  if (hasLists === undefined) {
    hasLists = Object.keys(spec.inputs).some((name) => name.endsWith('*'));
    withLists.set(spec, hasLists);
  }
  const given = inputs as unknown as Readonly<Record<string, Tensor | readonly Tensor[]>>;
  if (!hasLists) return given as Readonly<Record<string, Tensor>>;
  const all: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!Array.isArray(value)) all[name] = value as Tensor;
    else for (const [i, tensor] of value.entries()) all[`${name}${i}`] = tensor;
  }
  return all;
}
