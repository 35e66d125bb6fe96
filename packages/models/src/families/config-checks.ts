import { type Activation, InvalidConfigError, type JsonObject } from '@moect/core';
import type { DecoderConfig } from '../decoder/model-family.ts';
import type { FieldReader } from '../hf/json-fields.ts';

/**
 * The architecture that a config.json names, or null if it is none of these. `model_type` counts only if
 * `architectures` is absent.
 * @param modelTypes `model_type` of each known architecture
 */
export function architectureOf<Name extends string>(
  json: JsonObject,
  modelTypes: Readonly<Record<Name, string>>,
): Name | null {
  const names = json['architectures'];
  const given = Array.isArray(names) ? names[0] : undefined;
  const known = Object.keys(modelTypes) as Name[];
  const found = known.find((name) =>
    given === undefined ? modelTypes[name] === json['model_type'] : name === given,
  );
  return found ?? null;
}

/** Throws InvalidConfigError: no known family reads this config.json. */
export function unknownArchitecture(json: JsonObject, known: readonly string[], what: string): never {
  const names = json['architectures'];
  const given = (Array.isArray(names) ? names[0] : undefined) ?? json['model_type'] ?? null;
  const message = `is ${JSON.stringify(given)}, known: ${known.join(', ')}`;
  throw new InvalidConfigError(
    what,
    [{ path: 'architectures', message }],
    'A family of your own is given as `families`, on the command line by --parts.',
  );
}

/** Fields that most families have, under the names that most families give them. */
export function decoderFields(
  fields: FieldReader,
  defaults: { readonly maxPositions: number; readonly tiedHead: boolean },
): Omit<DecoderConfig, 'architecture'> {
  return {
    hiddenSize: fields.count('hidden_size'),
    numLayers: fields.count('num_hidden_layers'),
    vocabSize: fields.count('vocab_size'),
    maxPositions: fields.count('max_position_embeddings', defaults.maxPositions),
    initializerRange: fields.positive('initializer_range', 0.02),
    tiedHead: fields.flag('tie_word_embeddings', defaults.tiedHead),
  };
}

export function checkUnquantized(json: JsonObject, fields: FieldReader): void {
  if (json['quantization_config'] == null) return;
  fields.problem(
    'quantization_config',
    'quantized weights are not read; take the float32, bfloat16 or float16 ones',
  );
}

/** Hugging Face's names of activations; several name the same function. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  relu: 'relu',
  silu: 'silu',
};

/** The activation under `key`; others are problems of `fields`. */
export function parseActivation(fields: FieldReader, key: string, fallback: string): Activation {
  const name = fields.text(key, fallback);
  if (Object.hasOwn(ACTIVATIONS, name)) return ACTIVATIONS[name]!;
  fields.problem(key, `is ${JSON.stringify(name)}, supported: ${Object.keys(ACTIVATIONS).join(', ')}`);
  return 'gelu';
}

/** A setting that would change the result is a problem of `fields` unless it has the one value that is supported. */
export function checkFixed(json: JsonObject, fields: FieldReader, key: string, only: boolean): void {
  const given = json[key] ?? only;
  if (given !== only) fields.problem(key, `is ${JSON.stringify(given)}, only ${only} is supported`);
}

/** Heads must divide the width. */
export function checkHeadSize(hiddenSize: number, numHeads: number, key: string, fields: FieldReader): void {
  if (hiddenSize % numHeads !== 0)
    fields.problem(key, `${numHeads} does not divide ${hiddenSize}, the width`);
}
