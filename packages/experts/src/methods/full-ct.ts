import type { BaseModel, Extension, Method, Rng } from '@moect/core';
import { checkedOptions, type Fields, strings } from '@moect/core/options';
import { distinct, makeExtension, overridesOf } from './extension.ts';

export type FullCtConfig = {
  /** Globs over the base's parameter names: copies of these train. */
  readonly trainable: readonly string[];
};

const fields: Fields<FullCtConfig> = { trainable: { default: ['**'], check: strings } };

/**
 * Full continual training: copies of the base's parameters train under the base's own names and stand in for them as
 * `overrides`; the base itself does not change. A tied head trains once, as the embedding.
 * `attach` throws InvalidConfigError and NoMatchingParameterError.
 */
export function fullCt(): Method<Partial<FullCtConfig>> {
  return {
    contract: 'method/1',
    name: 'ct',
    attach: (base: BaseModel, config: Partial<FullCtConfig>, _rng: Rng): Extension => {
      const checked = checkedOptions('ct', config, fields);
      const overrides = overridesOf(base, checked.trainable);
      return makeExtension({
        method: 'ct',
        config: { ...checked },
        parameters: distinct(overrides),
        overrides,
      });
    },
  };
}
