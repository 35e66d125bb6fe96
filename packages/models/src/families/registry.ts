import type { JsonObject } from '@moect/core';
import type { ModelFamily } from '../decoder/model-family.ts';
import { bloom } from './bloom.ts';
import { unknownArchitecture } from './config-checks.ts';
import { gemma } from './gemma.ts';
import { gptNeox } from './gpt-neox.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { mixtureDecoder } from './mixture-decoder.ts';
import { olmo2 } from './olmo2.ts';
import { phi3 } from './phi3.ts';
import { qwenV1 } from './qwen-v1.ts';

/** The families that come with this package. */
export const MODEL_FAMILIES: readonly ModelFamily[] = [
  llama,
  qwenV1,
  gemma,
  phi3,
  olmo2,
  mixtureDecoder,
  bloom,
  gpt2,
  gptNeox,
];

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
