import { isJsonObject, type JsonObject } from '@moect/core';
import { parseRope, parseRopeObject, type RopeConfig } from '../decoder/rotary/rope-config.ts';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';
import {
  architectureOf,
  checkFixed,
  checkUnquantized,
  parseActivation,
  unknownArchitecture,
} from './config-checks.ts';
import type { RotaryDecoderConfig } from './rotary-decoder.ts';
import { rotaryDecoderSizes, windowsOf } from './rotary-decoder-config.ts';

const MODEL_TYPES = { Gemma2ForCausalLM: 'gemma2', Gemma3ForCausalLM: 'gemma3_text' } as const;

type Architecture = keyof typeof MODEL_TYPES;

export const GEMMA_ARCHITECTURES: readonly string[] = Object.keys(MODEL_TYPES);

/** The member that a config.json names, or null. */
export const gemmaMember = (json: JsonObject): Architecture | null => architectureOf(json, MODEL_TYPES);

/** A cap, or undefined for null; `fallback` where the key is absent. */
function capOf(
  json: JsonObject,
  fields: FieldReader,
  key: string,
  fallback: number | null,
): number | undefined {
  const given = json[key] === undefined ? fallback : json[key];
  return given === null ? undefined : fields.positive(key, fallback ?? undefined);
}

type Rotation = Pick<RotaryDecoderConfig, 'rope' | 'localRope'>;

/** Gemma 3 has two rotations: `rope_parameters` by the type of layer, or `rope_theta` and `rope_local_base_freq`. */
function twoRotations(json: JsonObject, maxPositions: number, fields: FieldReader): Rotation {
  const byType = json['rope_parameters'];
  const read = (path: string, settings: JsonObject, theta: number): RopeConfig => {
    const inner = fields.nested(path, settings);
    return parseRopeObject(settings, inner.positive('rope_theta', theta), maxPositions, inner);
  };
  if (byType == null) {
    const scaling = json['rope_scaling'] ?? {};
    if (!isJsonObject(scaling)) fields.problem('rope_scaling', 'must be an object');
    const global = { ...(isJsonObject(scaling) && scaling), rope_theta: fields.positive('rope_theta', 1e6) };
    const local = { rope_theta: fields.positive('rope_local_base_freq', 1e4) };
    return { rope: read('rope_scaling', global, 1e6), localRope: read('rope_local', local, 1e4) };
  }
  const of = (type: string, theta: number): RopeConfig => {
    const settings = isJsonObject(byType) ? (byType[type] ?? {}) : null;
    if (isJsonObject(settings)) return read(`rope_parameters.${type}`, settings, theta);
    fields.problem(`rope_parameters.${type}`, 'must be an object');
    return { type: 'default', theta };
  };
  return { rope: of('full_attention', 1e6), localRope: of('sliding_attention', 1e4) };
}

function checkSupported(json: JsonObject, fields: FieldReader, architecture: Architecture): void {
  checkFixed(json, fields, 'use_bidirectional_attention', false);
  checkUnquantized(json, fields);
  // programs disagree on whether Gemma 3 caps its scores, and no published one asks for it
  if (architecture === 'Gemma3ForCausalLM' && json['attn_logit_softcapping'] != null) {
    fields.problem('attn_logit_softcapping', 'is not supported for Gemma 3; published ones have null');
  }
}

/** What the two generations have of their own. */
function memberParts(
  json: JsonObject,
  fields: FieldReader,
  architecture: Architecture,
  { maxPositions, numLayers }: Pick<RotaryDecoderConfig, 'maxPositions' | 'numLayers'>,
): Pick<
  RotaryDecoderConfig,
  'rope' | 'localRope' | 'windows' | 'queryKeyNorm' | 'scoreSoftcap' | 'logitsSoftcap'
> {
  const size = json['sliding_window'] === null ? 0 : fields.count('sliding_window', 4096);
  const layers = [numLayers, size] as const;
  const isGemma2 = architecture === 'Gemma2ForCausalLM';
  const logitsSoftcap = capOf(json, fields, 'final_logit_softcapping', isGemma2 ? 30 : null);
  const caps = { ...(logitsSoftcap !== undefined && { logitsSoftcap }) };
  if (isGemma2) {
    const scoreSoftcap = capOf(json, fields, 'attn_logit_softcapping', 50);
    return {
      rope: parseRope(json, maxPositions, fields),
      windows: windowsOf(json, fields, layers, (layer) => layer % 2 === 0),
      queryKeyNorm: false,
      ...caps,
      ...(scoreSoftcap !== undefined && { scoreSoftcap }),
    };
  }
  const pattern = fields.count('sliding_window_pattern', 6);
  return {
    ...twoRotations(json, maxPositions, fields),
    windows: windowsOf(json, fields, layers, (layer) => (layer + 1) % pattern !== 0),
    queryKeyNorm: 'heads',
    ...caps,
  };
}

/**
 * Reads a config.json of Gemma 2 or of a Gemma 3 for text, in the spelling of transformers 4 or 5.
 * Throws InvalidConfigError with every problem at once.
 */
export function parseGemmaConfig(json: JsonObject, what: string): RotaryDecoderConfig {
  const architecture = gemmaMember(json) ?? unknownArchitecture(json, GEMMA_ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  const maxPositions = architecture === 'Gemma2ForCausalLM' ? 8192 : 131072;
  const defaults = { maxPositions, rmsNormEps: 1e-6, tiedHead: true, headDim: 256 };
  const sizes = rotaryDecoderSizes(json, fields, defaults);
  const bias = fields.flag('attention_bias', false);
  checkSupported(json, fields, architecture);
  const config: RotaryDecoderConfig = {
    architecture: MODEL_TYPES[architecture],
    ...sizes,
    queryKeyValueBias: bias,
    outputBias: bias,
    mlpBias: false,
    activation: parseActivation(fields, 'hidden_activation', 'gelu_pytorch_tanh'),
    attentionScale: 1 / Math.sqrt(fields.positive('query_pre_attn_scalar', 256)),
    hasZeroCentredNorms: true,
    ...memberParts(json, fields, architecture, sizes),
  };
  fields.finish();
  return config;
}
