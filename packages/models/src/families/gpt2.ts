import type { Activation, JsonObject, Tensor } from '@moect/core';
import { add, embedding, split } from '@moect/tensor';
import type { DecoderConfig, LayerPass, LayerSpec, ModelFamily } from '../decoder/model-family.ts';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';
import {
  architectureOf,
  checkFixed,
  checkHeadSize,
  checkUnquantized,
  parseActivation,
  unknownArchitecture,
} from './config-checks.ts';
import { layerNormSpec, linearSpec } from './modules.ts';

interface Gpt2Config extends DecoderConfig {
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
}

const MODEL_TYPES = { GPT2LMHeadModel: 'gpt2' } as const;
const ARCHITECTURES = Object.keys(MODEL_TYPES);
const TOKENS = 'transformer.wte';
const POSITIONS = 'transformer.wpe';

function checkSupported(json: JsonObject, fields: FieldReader): void {
  checkFixed(json, fields, 'scale_attn_weights', true);
  checkFixed(json, fields, 'scale_attn_by_inverse_layer_idx', false);
  checkFixed(json, fields, 'add_cross_attention', false);
  checkUnquantized(json, fields);
}

function parse(json: JsonObject, what: string): Gpt2Config {
  if (architectureOf(json, MODEL_TYPES) === null) unknownArchitecture(json, ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  const hiddenSize = fields.count('n_embd', 768);
  const numHeads = fields.count('n_head', 12);
  checkSupported(json, fields);
  checkHeadSize(hiddenSize, numHeads, 'n_head', fields);
  const config: Gpt2Config = {
    architecture: 'gpt2',
    hiddenSize,
    numHeads,
    intermediateSize: fields.count('n_inner', 4 * hiddenSize),
    numLayers: fields.count('n_layer', 12),
    vocabSize: fields.count('vocab_size', 50257),
    maxPositions: fields.count('n_positions', 1024),
    hasLearnedPositions: true,
    activation: parseActivation(fields, 'activation_function', 'gelu_new'),
    layerNormEps: fields.positive('layer_norm_epsilon', 1e-5),
    initializerRange: fields.positive('initializer_range', 0.02),
    tiedHead: fields.flag('tie_word_embeddings', true),
  };
  fields.finish();
  return config;
}

function layer(config: Gpt2Config, index: number): LayerSpec {
  const { hiddenSize, intermediateSize, activation, layerNormEps } = config;
  const conv1d = { bias: true, isStoredTransposed: true };
  return {
    name: `transformer.h.${index}`,
    attention: [
      layerNormSpec('ln_1', hiddenSize, layerNormEps),
      linearSpec('attn.c_attn', 'attention-query-key-value', [hiddenSize, 3 * hiddenSize], conv1d),
      linearSpec('attn.c_proj', 'attention-output', [hiddenSize, hiddenSize], conv1d),
    ],
    ffnNorm: layerNormSpec('ln_2', hiddenSize, layerNormEps),
    ffn: {
      name: 'mlp',
      activation,
      up: linearSpec('mlp.c_fc', 'ffn-up', [hiddenSize, intermediateSize], conv1d),
      down: linearSpec('mlp.c_proj', 'ffn-down', [intermediateSize, hiddenSize], conv1d),
    },
    ffnReads: 'attention',
  };
}

function attention({ hiddenSize, numHeads }: Gpt2Config, _index: number, x: Tensor, pass: LayerPass): Tensor {
  const fused = pass.linear('attn.c_attn', pass.norm('ln_1', x));
  const parts = split(fused, [hiddenSize, hiddenSize, hiddenSize], -1);
  const [queries, keys, values] = parts.map((part) => pass.heads(part, numHeads)) as [Tensor, Tensor, Tensor];
  return pass.linear('attn.c_proj', pass.attend(queries, keys, values));
}

/**
 * GPT-2 (Radford et al. 2019): learned positions, layer norms and linears with biases, weights that files hold as
 * [in, out], and in the oldest files without `transformer.` before their names.
 */
export const gpt2: ModelFamily<Gpt2Config> = {
  name: 'gpt2',
  architectures: ARCHITECTURES,
  head: 'lm_head',
  optionalPrefix: 'transformer.',
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  embeddings: ({ vocabSize, maxPositions }) => [
    { name: TOKENS, rows: vocabSize },
    { name: POSITIONS, rows: maxPositions },
  ],
  layer,
  finalNorm: ({ hiddenSize, layerNormEps }) => layerNormSpec('transformer.ln_f', hiddenSize, layerNormEps),
  // causal masks
  buffers: ({ numLayers }) =>
    Array.from({ length: numLayers }, (_, i) => `transformer.h.${i}.attn`).flatMap((attn) => [
      `${attn}.bias`,
      `${attn}.masked_bias`,
    ]),
  embed: (_config, tokens, positions, table) =>
    add(embedding(table(TOKENS), tokens), embedding(table(POSITIONS), positions)),
  attention,
};
