import type { Activation, JsonObject, Tensor } from '@moect/core';
import { split } from '@moect/tensor';
import type { DecoderConfig, LayerPass, LayerSpec, ModelFamily } from '../decoder/model-family.ts';
import { parseRotary, type RopeConfig } from '../decoder/rotary/rope-config.ts';
import { fieldReader } from '../hf/json-fields.ts';
import {
  architectureOf,
  checkHeadSize,
  checkUnquantized,
  decoderFields,
  parseActivation,
  unknownArchitecture,
} from './config-checks.ts';
import { layerNormSpec, linearSpec } from './modules.ts';

interface GptNeoxConfig extends DecoderConfig {
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
  readonly attentionBias: boolean;
  /** Attention and FFN read the same stream, x + Attn(Norm₁(x)) + FFN(Norm₂(x)). */
  readonly isParallel: boolean;
  readonly rope: RopeConfig;
  /** Dimensions of each head that are rotated. */
  readonly rotaryDim: number;
}

const MODEL_TYPES = { GPTNeoXForCausalLM: 'gpt_neox' } as const;
const ARCHITECTURES = Object.keys(MODEL_TYPES);
const TOKENS = 'gpt_neox.embed_in';
// spellings of transformers 4
const OLD_KEYS = { theta: 'rotary_emb_base', factor: 'rotary_pct', defaultFactor: 0.25 };

function parse(json: JsonObject, what: string): GptNeoxConfig {
  if (architectureOf(json, MODEL_TYPES) === null) unknownArchitecture(json, ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  const common = decoderFields(fields, { maxPositions: 2048, tiedHead: false });
  const { hiddenSize, maxPositions } = common;
  const numHeads = fields.count('num_attention_heads');
  const { rope, factor } = parseRotary(json, maxPositions, fields, OLD_KEYS);
  const rotaryDim = Math.trunc((hiddenSize / numHeads) * factor);
  checkHeadSize(hiddenSize, numHeads, 'num_attention_heads', fields);
  checkUnquantized(json, fields);
  if (rotaryDim < 2 || rotaryDim % 2 !== 0) {
    fields.problem(
      'rotary_pct',
      `rotates ${rotaryDim} dimensions of each head, must be an even number from 2`,
    );
  }
  const config: GptNeoxConfig = {
    architecture: 'gpt_neox',
    ...common,
    numHeads,
    intermediateSize: fields.count('intermediate_size'),
    activation: parseActivation(fields, 'hidden_act', 'gelu'),
    layerNormEps: fields.positive('layer_norm_eps', 1e-5),
    attentionBias: fields.flag('attention_bias', true),
    isParallel: fields.flag('use_parallel_residual', true),
    rope,
    rotaryDim,
  };
  fields.finish();
  return config;
}

function layer(config: GptNeoxConfig, index: number): LayerSpec {
  const { hiddenSize, intermediateSize, activation, layerNormEps, attentionBias: bias } = config;
  const fused: readonly [number, number] = [hiddenSize, 3 * hiddenSize];
  return {
    name: `gpt_neox.layers.${index}`,
    attention: [
      layerNormSpec('input_layernorm', hiddenSize, layerNormEps),
      linearSpec('attention.query_key_value', 'attention-query-key-value', fused, { bias }),
      linearSpec('attention.dense', 'attention-output', [hiddenSize, hiddenSize], { bias }),
    ],
    ffnNorm: layerNormSpec('post_attention_layernorm', hiddenSize, layerNormEps),
    ffn: {
      name: 'mlp',
      activation,
      up: linearSpec('mlp.dense_h_to_4h', 'ffn-up', [hiddenSize, intermediateSize], { bias: true }),
      down: linearSpec('mlp.dense_4h_to_h', 'ffn-down', [intermediateSize, hiddenSize], { bias: true }),
    },
    ffnReads: config.isParallel ? 'block' : 'attention',
  };
}

function attention(config: GptNeoxConfig, _index: number, x: Tensor, pass: LayerPass): Tensor {
  const headDim = config.hiddenSize / config.numHeads;
  const fused = pass.linear('attention.query_key_value', pass.norm('input_layernorm', x));
  // query, key and value are adjacent within each head
  const parts = split(pass.heads(fused, config.numHeads), [headDim, headDim, headDim], -1);
  const [queries, keys, values] = parts as [Tensor, Tensor, Tensor];
  return pass.linear('attention.dense', pass.attend(pass.rotate(queries), pass.rotate(keys), values));
}

/** GPT-NeoX (arXiv 2204.06745) and Pythia (arXiv 2304.01373). */
export const gptNeox: ModelFamily<GptNeoxConfig> = {
  name: 'gpt-neox',
  architectures: ARCHITECTURES,
  head: 'embed_out',
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  embeddings: ({ vocabSize }) => [{ name: TOKENS, rows: vocabSize }],
  layer,
  finalNorm: ({ hiddenSize, layerNormEps }) =>
    layerNormSpec('gpt_neox.final_layer_norm', hiddenSize, layerNormEps),
  rotary: ({ rope, rotaryDim, maxPositions }) => ({ rope, rotaryDim, maxPositions }),
  // causal masks and rotation tables of old checkpoints
  buffers: ({ numLayers }) =>
    Array.from({ length: numLayers }, (_, i) => `gpt_neox.layers.${i}.attention`).flatMap((at) => [
      `${at}.bias`,
      `${at}.masked_bias`,
      `${at}.rotary_emb.inv_freq`,
    ]),
  attention,
};
