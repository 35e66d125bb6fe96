import type { JsonObject } from '@moect/core';
import type { ModelFamily } from '../decoder/model-family.ts';
import { unknownArchitecture } from './config-checks.ts';
import { gptNeox } from './gpt-neox.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';

/** The families that come with this package. */
export const MODEL_FAMILIES: readonly ModelFamily[] = [llama, gpt2, gptNeox];

export interface FamilyOptions {
  /** Families of your own, asked before {@link MODEL_FAMILIES}. */
  readonly families?: readonly ModelFamily[];
}

/** The first family that reads this config.json. Throws InvalidConfigError with the known ones. */
export function familyOf(
  json: JsonObject,
  { families = [] }: FamilyOptions = {},
  what = 'config.json',
): ModelFamily {
  const all = [...families, ...MODEL_FAMILIES];
  const known = all.flatMap(({ architectures }) => architectures);
  return all.find((family) => family.matches(json)) ?? unknownArchitecture(json, known, what);
}
