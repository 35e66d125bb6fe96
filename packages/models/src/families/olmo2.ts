import type { JsonObject } from '@moect/core';
import type { ModelFamily } from '../decoder/model-family.ts';
import { parseRope } from '../decoder/rotary/rope-config.ts';
import { fieldReader } from '../hf/json-fields.ts';
import { architectureOf, checkUnquantized, unknownArchitecture } from './config-checks.ts';
import { LLAMA_NAMES, type RotaryDecoderConfig, rotaryDecoder } from './rotary-decoder.ts';
import { checkSilu, rotaryDecoderSizes } from './rotary-decoder-config.ts';

const MODEL_TYPES = { Olmo2ForCausalLM: 'olmo2' } as const;
const ARCHITECTURES = Object.keys(MODEL_TYPES);

function parse(json: JsonObject, what: string): RotaryDecoderConfig {
  if (architectureOf(json, MODEL_TYPES) === null) unknownArchitecture(json, ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  const sizes = rotaryDecoderSizes(json, fields, { maxPositions: 2048, rmsNormEps: 1e-5 });
  const bias = fields.flag('attention_bias', false);
  checkSilu(json, fields);
  checkUnquantized(json, fields);
  const config: RotaryDecoderConfig = {
    architecture: 'olmo2',
    ...sizes,
    rope: parseRope(json, sizes.maxPositions, fields),
    queryKeyValueBias: bias,
    outputBias: bias,
    mlpBias: false,
    queryKeyNorm: 'projection',
    windows: Array<number>(sizes.numLayers).fill(0),
  };
  fields.finish();
  return config;
}

const { attentionNorm: _none, ...names } = LLAMA_NAMES;

/** OLMo-2 (arXiv 2501.00656): norms behind attention and FFN, none before them; queries and keys normed as a whole. */
export const olmo2: ModelFamily<RotaryDecoderConfig> = {
  name: 'olmo2',
  architectures: ARCHITECTURES,
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  ...rotaryDecoder<RotaryDecoderConfig>({
    tokens: names.tokens,
    layers: names.layers,
    finalNorm: names.finalNorm,
    attention: names.attention,
    output: names.output,
    attentionOutputNorm: 'post_attention_layernorm',
    ffnOutputNorm: 'post_feedforward_layernorm',
    ffn: names.ffn,
  }),
};
