import type { JsonObject } from '@moect/core';
import type { DecoderConfig } from '../decoder/model-family.ts';
import { parseRope, type RopeConfig } from '../decoder/rotary/rope-config.ts';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';
import { architectureOf, checkUnquantized, unknownArchitecture } from './config-checks.ts';

/** A Llama as its config.json describes it, defaults filled in. */
export interface LlamaConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly rope: RopeConfig;
  /** Bias on q, k and v. */
  readonly queryKeyValueBias: boolean;
  /** Bias on the attention's output projection. */
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** RMSNorm of each head's query and key before rotation (Qwen3). */
  readonly queryKeyNorm: boolean;
  /** Keys that a query sees, by layer; 0 = all before it. */
  readonly windows: readonly number[];
}

/** Members of the family: same tensor names, small differences. */
const FAMILY = {
  LlamaForCausalLM: { modelType: 'llama', bias: 'config', queryKeyNorm: false },
  MistralForCausalLM: { modelType: 'mistral', bias: 'none', queryKeyNorm: false },
  Qwen2ForCausalLM: { modelType: 'qwen2', bias: 'qkv', queryKeyNorm: false },
  Qwen3ForCausalLM: { modelType: 'qwen3', bias: 'config', queryKeyNorm: true },
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
  const isOn = architecture === 'MistralForCausalLM' || fields.flag('use_sliding_window', false);
  const size = isOn && json['sliding_window'] != null ? fields.count('sliding_window') : 0;
  const firstWindowed = architecture === 'MistralForCausalLM' ? 0 : fields.count('max_window_layers', 28, 0);
  const types = json['layer_types'];
  return Array.from({ length: layers }, (_, layer) => {
    if (!Array.isArray(types)) return layer >= firstWindowed ? size : 0;
    if (types[layer] === 'full_attention') return 0;
    if (types[layer] === 'sliding_attention' && size > 0) return size;
    fields.problem('layer_types', `has ${JSON.stringify(types[layer] ?? null)} for layer ${layer}`);
    return 0;
  });
}

function checkSupported(json: JsonObject, fields: FieldReader): void {
  if ((json['hidden_act'] ?? 'silu') !== 'silu') {
    fields.problem('hidden_act', `is ${JSON.stringify(json['hidden_act'])}, only "silu" is supported`);
  }
  checkUnquantized(json, fields);
}

function checkHeads(
  config: Pick<LlamaConfig, 'numHeads' | 'numKeyValueHeads' | 'headDim'>,
  fields: FieldReader,
): void {
  if (config.numHeads % config.numKeyValueHeads !== 0) {
    fields.problem(
      'num_key_value_heads',
      `${config.numKeyValueHeads} does not divide ${config.numHeads} heads`,
    );
  }
  if (!Number.isInteger(config.headDim) || config.headDim % 2 !== 0) {
    fields.problem('head_dim', `is ${config.headDim}, must be even and whole`);
  }
}

/**
 * Reads a Hugging Face config.json of the Llama family, in the spelling of transformers 4 or 5.
 * Throws InvalidConfigError with every problem at once.
 */
export function parseLlamaConfig(json: JsonObject, what = 'config.json'): LlamaConfig {
  const architecture = llamaMember(json) ?? unknownArchitecture(json, LLAMA_ARCHITECTURES, what);
  const member = FAMILY[architecture];
  const fields = fieldReader(json, what);
  const hiddenSize = fields.count('hidden_size');
  const numLayers = fields.count('num_hidden_layers');
  const numHeads = fields.count('num_attention_heads');
  const numKeyValueHeads = fields.count('num_key_value_heads', numHeads);
  const headDim = json['head_dim'] == null ? hiddenSize / numHeads : fields.count('head_dim');
  const maxPositions = fields.count('max_position_embeddings', 2048);
  const attentionBias = member.bias === 'config' && fields.flag('attention_bias', false);
  checkSupported(json, fields);
  checkHeads({ numHeads, numKeyValueHeads, headDim }, fields);
  const config: LlamaConfig = {
    architecture: member.modelType,
    hiddenSize,
    intermediateSize: fields.count('intermediate_size'),
    numLayers,
    numHeads,
    numKeyValueHeads,
    headDim,
    vocabSize: fields.count('vocab_size'),
    maxPositions,
    rmsNormEps: fields.positive('rms_norm_eps', 1e-6),
    initializerRange: fields.positive('initializer_range', 0.02),
    rope: parseRope(json, maxPositions, fields),
    queryKeyValueBias: member.bias === 'qkv' || attentionBias,
    outputBias: attentionBias,
    mlpBias: architecture === 'LlamaForCausalLM' && fields.flag('mlp_bias', false),
    queryKeyNorm: member.queryKeyNorm,
    tiedHead: fields.flag('tie_word_embeddings', false),
    windows: parseWindows(json, architecture, numLayers, fields),
  };
  fields.finish();
  return config;
}
