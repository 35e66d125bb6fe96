import { InvalidConfigError, type ParamMap, type ParamPath, type Tensor } from '@moect/core';
import { frozenStorageOf } from './frozen/compress-frozen.ts';
import { Tape } from './tape.ts';
import { asTf, fromTf, tf } from './tf.ts';

/**
 * Value of a scalar function and its gradient for each parameter that it reaches.
 * Parameters that the value does not depend on are absent from `gradients`. Only tensors that depend on a parameter
 * are kept: a part of a model below its first trained parameter costs neither memory nor a backward pass.
 * Not differentiable itself. The caller disposes value and gradients.
 * Throws InvalidConfigError when a parameter is in compressed storage.
 */
export function valueAndGrads(
  f: () => Tensor,
  parameters: ParamMap,
): { value: Tensor; gradients: Map<ParamPath, Tensor> } {
  refuseCompressed(parameters);
  const tape = new Tape(parameters.values());
  const value = fromTf(tape.record(() => tf.tidy(() => asTf(f()))));
  const one = tf.ones(value.shape);
  const byId = tape.backward([[value, fromTf(one)]]);
  one.dispose();
  const gradients = new Map<ParamPath, Tensor>();
  for (const [path, { id }] of parameters) {
    const gradient = byId.get(id);
    if (gradient !== undefined) gradients.set(path, fromTf(gradient));
  }
  return { value, gradients };
}

function refuseCompressed(parameters: ParamMap): void {
  const problems = [...parameters]
    .map(([path, parameter]) => ({ path, storage: frozenStorageOf(parameter) }))
    .filter(({ storage }) => storage !== 'float32')
    .map(({ path, storage }) => ({ path, message: `is stored as ${storage}, which cannot be trained` }));
  if (problems.length === 0) return;
  throw new InvalidConfigError('valueAndGrads', problems, 'Load trainable weights as float32.');
}
