import type { JsonObject } from '@moect/core';
import { parseRope } from '../decoder/rotary/rope-config.ts';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';
import { architectureOf, checkUnquantized, unknownArchitecture } from './config-checks.ts';
import type { RotaryDecoderConfig } from './rotary-decoder.ts';
import { checkSilu, rotaryDecoderSizes, uniformWindows, windowsOf } from './rotary-decoder-config.ts';

/** A Llama as its config.json describes it, defaults filled in. */
export type LlamaConfig = RotaryDecoderConfig;

/** Members of the family: same tensor names, small differences. */
const FAMILY = {
  LlamaForCausalLM: { modelType: 'llama', bias: 'config', queryKeyNorm: false },
  MistralForCausalLM: { modelType: 'mistral', bias: 'none', queryKeyNorm: false },
  Qwen2ForCausalLM: { modelType: 'qwen2', bias: 'qkv', queryKeyNorm: false },
  Qwen3ForCausalLM: { modelType: 'qwen3', bias: 'config', queryKeyNorm: 'heads' },
} as const;

type Architecture = keyof typeof FAMILY;

const MODEL_TYPES = Object.fromEntries(
  Object.entries(FAMILY).map(([name, { modelType }]) => [name, modelType]),
) as Record<Architecture, string>;

/** Values of `architectures` in config.json that {@link parseLlamaConfig} knows. */
export const LLAMA_ARCHITECTURES: readonly string[] = Object.keys(FAMILY);

/** The member that a config.json names, or null. */
export function llamaMember(json: JsonObject): Architecture | null {
  return architectureOf(json, MODEL_TYPES);
}

function parseWindows(
  json: JsonObject,
  architecture: Architecture,
  layers: number,
  fields: FieldReader,
): number[] {
  if (architecture === 'MistralForCausalLM') return uniformWindows(json, fields, layers);
  const isOn = fields.flag('use_sliding_window', false) && json['sliding_window'] != null;
  const firstWindowed = fields.count('max_window_layers', 28, 0);
  const size = isOn ? fields.count('sliding_window') : 0;
  return windowsOf(json, fields, [layers, size], (layer) => layer >= firstWindowed);
}

/**
 * Reads a Hugging Face config.json of the Llama family, in the spelling of transformers 4 or 5.
 * Throws InvalidConfigError with every problem at once.
 */
export function parseLlamaConfig(json: JsonObject, what = 'config.json'): LlamaConfig {
  const architecture = llamaMember(json) ?? unknownArchitecture(json, LLAMA_ARCHITECTURES, what);
  const member = FAMILY[architecture];
  const fields = fieldReader(json, what);
  const sizes = rotaryDecoderSizes(json, fields, { maxPositions: 2048, rmsNormEps: 1e-6 });
  const attentionBias = member.bias === 'config' && fields.flag('attention_bias', false);
  checkSilu(json, fields);
  checkUnquantized(json, fields);
  const config: LlamaConfig = {
    architecture: member.modelType,
    ...sizes,
    rope: parseRope(json, sizes.maxPositions, fields),
    queryKeyValueBias: member.bias === 'qkv' || attentionBias,
    outputBias: attentionBias,
    mlpBias: architecture === 'LlamaForCausalLM' && fields.flag('mlp_bias', false),
    queryKeyNorm: member.queryKeyNorm,
    windows: parseWindows(json, architecture, sizes.numLayers, fields),
  };
  fields.finish();
  return config;
}
