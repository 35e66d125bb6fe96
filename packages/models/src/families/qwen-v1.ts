import type { JsonObject } from '@moect/core';
import type { ModelFamily } from '../decoder/model-family.ts';
import { parseRotary } from '../decoder/rotary/rope-config.ts';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';
import {
  architectureOf,
  checkFixed,
  checkUnquantized,
  decoderFields,
  unknownArchitecture,
} from './config-checks.ts';
import { type RotaryDecoderConfig, type RotaryDecoderNames, rotaryDecoder } from './rotary-decoder.ts';
import { fusedLinears } from './stored-rows.ts';

const MODEL_TYPES = { QWenLMHeadModel: 'qwen' } as const;
const ARCHITECTURES = Object.keys(MODEL_TYPES);
const ROTARY_KEYS = { theta: 'rotary_emb_base', factor: 'rotary_pct', defaultFactor: 1 };

const NAMES: RotaryDecoderNames = {
  tokens: 'transformer.wte',
  layers: 'transformer.h',
  finalNorm: 'transformer.ln_f',
  attention: 'attn',
  output: 'c_proj',
  attentionNorm: 'ln_1',
  ffnNorm: 'ln_2',
  ffn: { name: 'mlp', gate: 'w2', up: 'w1', down: 'c_proj' },
};

function checkSupported(json: JsonObject, fields: FieldReader): void {
  checkFixed(json, fields, 'no_bias', true);
  checkFixed(json, fields, 'scale_attn_weights', true);
  checkFixed(json, fields, 'use_cache_quantization', false);
  checkUnquantized(json, fields);
}

/** Both FFN halves together are `intermediate_size` wide. */
function parse(json: JsonObject, what: string): RotaryDecoderConfig {
  if (architectureOf(json, MODEL_TYPES) === null) unknownArchitecture(json, ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  const numHeads = fields.count('num_attention_heads');
  const both = fields.count('intermediate_size', undefined, 2);
  const longest = fields.count('max_position_embeddings', 8192);
  const seqLength = fields.count('seq_length', longest);
  // beyond seq_length these change frequencies and scores, in ways that are not computed here
  const isBounded = fields.flag('use_dynamic_ntk', true) || fields.flag('use_logn_attn', true);
  const maxPositions = isBounded ? seqLength : longest;
  const headDim = fields.count('kv_channels', 128);
  const { rope, factor } = parseRotary(json, maxPositions, fields, ROTARY_KEYS);
  if (both % 2 !== 0) fields.problem('intermediate_size', `is ${both}, must be even`);
  if (headDim % 2 !== 0) fields.problem('kv_channels', `is ${headDim}, must be even`);
  if (factor < 1) fields.problem('rotary_pct', `is ${factor}, only 1 is supported`);
  checkSupported(json, fields);
  const config: RotaryDecoderConfig = {
    architecture: 'qwen',
    ...decoderFields(fields, { maxPositions, tiedHead: false }),
    maxPositions,
    ...(isBounded && { hasLearnedPositions: true }),
    intermediateSize: both / 2,
    numHeads,
    numKeyValueHeads: numHeads,
    headDim,
    rmsNormEps: fields.positive('layer_norm_epsilon', 1e-6),
    rope,
    queryKeyValueBias: true,
    outputBias: false,
    mlpBias: false,
    queryKeyNorm: false,
    windows: Array<number>(fields.count('num_hidden_layers')).fill(0),
  };
  fields.finish();
  return config;
}

function storedAs(config: RotaryDecoderConfig): ReturnType<NonNullable<ModelFamily['storedAs']>> {
  const width = config.numHeads * config.headDim;
  const layers = Array.from({ length: config.numLayers }, (_, i) => `transformer.h.${i}.attn`);
  return new Map(
    layers.flatMap((at) => {
      const parts = { [`${at}.q_proj`]: width, [`${at}.k_proj`]: width, [`${at}.v_proj`]: width };
      return fusedLinears(`${at}.c_attn`, parts, config.hiddenSize, { bias: true });
    }),
  );
}

const shared = rotaryDecoder<RotaryDecoderConfig>(NAMES);

/**
 * The first generation of Qwen (arXiv 2309.16609), base of the MoE-CT paper. Its rules for texts longer than `seq_length`
 * (dynamic NTK, log-n attention) are not computed: longer sequences are errors where they are on.
 */
export const qwenV1: ModelFamily<RotaryDecoderConfig> = {
  name: 'qwen-v1',
  architectures: ARCHITECTURES,
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  ...shared,
  storedAs,
};
