import { NoMatchingParameterError, type ParamMap, type ParamPath, type Tensor } from '@moect/core';
import { globToRegExp } from './glob.ts';

export interface Partition<T extends Tensor> {
  readonly matching: Map<ParamPath, T>;
  readonly rest: Map<ParamPath, T>;
}

/**
 * Splits parameters by glob patterns over their names: `model.layers.*.mlp.**`, `**.{q,v}_proj.weight`.
 * `*` stays inside one part of the dotted name, `**` crosses dots. Order is kept.
 * Throws NoMatchingParameterError naming every pattern that matches nothing.
 */
export function partition<T extends Tensor>(
  parameters: ParamMap<T>,
  patterns: readonly string[],
): Partition<T> {
  const names = [...parameters.keys()];
  const expressions = patterns.map(globToRegExp);
  const idle = patterns.filter((_, i) => !names.some((name) => expressions[i]!.test(name)));
  if (idle.length > 0) {
    throw new NoMatchingParameterError(
      'Parameter patterns',
      idle,
      names,
      "'*' stops at dots; write '**' to cross them, for example '**.q_proj.weight'.",
    );
  }
  const matching = new Map<ParamPath, T>();
  const rest = new Map<ParamPath, T>();
  for (const [name, tensor] of parameters) {
    (expressions.some((expression) => expression.test(name)) ? matching : rest).set(name, tensor);
  }
  return { matching, rest };
}

/**
 * Splits parameters into those that train and those that match and are frozen. Freezing is by construction: give
 * `trainable`, and nothing else, to the optimizer, so that frozen tensors get no gradient, no optimizer state and no
 * weight decay (law 4).
 * Throws NoMatchingParameterError.
 */
export function freezeMatching<T extends Tensor>(
  parameters: ParamMap<T>,
  patterns: readonly string[],
): { readonly frozen: Map<ParamPath, T>; readonly trainable: Map<ParamPath, T> } {
  const { matching, rest } = partition(parameters, patterns);
  return { frozen: matching, trainable: rest };
}

/** Number of scalars; a tensor that stands under two names (a tied head) counts once. */
export function countParameters(parameters: ParamMap): number {
  return [...new Set(parameters.values())].reduce((total, { size }) => total + size, 0);
}
