import type { BaseModel, JsonObject, ParamMap, ParamPath, Rng, Tensor } from '@moect/core';
import { createDecoder } from '../decoder/create-decoder.ts';
import { freshParameters } from '../decoder/init-parameters.ts';
import { layoutOf, shapesOf } from '../decoder/layout.ts';
import { type FamilyOptions, familyOf } from './registry.ts';

/**
 * A model of any family.
 * @param config contents of its config.json, in the spelling of transformers 4 or 5
 * @param parameters all weights by Hugging Face name, float32; the model owns them from here on
 * Throws InvalidConfigError, NoMatchingParameterError (missing or unused weights), ShapeMismatchError.
 */
export function createModel(
  config: JsonObject,
  parameters: ParamMap,
  options: FamilyOptions = {},
): BaseModel {
  return createDecoder(familyOf(config, options), config, parameters);
}

/**
 * Fresh weights for pretraining: N(0, initializer_range²), the two projections back into the stream divided by
 * √(2 · layers) (GPT-2 paper, section 2.3), norms 1, biases 0. Each weight has a random stream of its own.
 * @param config contents of a config.json
 * Throws InvalidConfigError.
 */
export function initParameters(
  config: JsonObject,
  rng: Rng,
  options: FamilyOptions = {},
): Map<ParamPath, Tensor> {
  const family = familyOf(config, options);
  const parsed = family.parse(config, 'config.json');
  return freshParameters(parsed, layoutOf(family, parsed), rng);
}

/**
 * Shapes by Hugging Face name, in the order of the forward pass. Linear weights are [out, in].
 * Throws InvalidConfigError.
 */
export function parameterShapes(
  config: JsonObject,
  options: FamilyOptions = {},
): Map<ParamPath, readonly number[]> {
  const family = familyOf(config, options);
  return shapesOf(layoutOf(family, family.parse(config, 'config.json')));
}
