import type { JsonObject, Tensor } from '@moect/core';
import { alibiSlopes } from '../decoder/linear-bias.ts';
import type { DecoderConfig, LayerPass, LayerSpec, ModelFamily } from '../decoder/model-family.ts';
import { fieldReader } from '../hf/json-fields.ts';
import {
  architectureOf,
  checkFixed,
  checkHeadSize,
  checkUnquantized,
  unknownArchitecture,
} from './config-checks.ts';
import { layerNormSpec, linearSpec } from './modules.ts';
import { fusedLinears } from './stored-rows.ts';

interface BloomConfig extends DecoderConfig {
  readonly numHeads: number;
  readonly layerNormEps: number;
}

const MODEL_TYPES = { BloomForCausalLM: 'bloom' } as const;
const ARCHITECTURES = Object.keys(MODEL_TYPES);
const TOKENS = 'transformer.word_embeddings';

function parse(json: JsonObject, what: string): BloomConfig {
  if (architectureOf(json, MODEL_TYPES) === null) unknownArchitecture(json, ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  // published files have `n_embed` and `num_attention_heads`, which transformers 4 and 5 read too
  const either = (key: string, old: string): number => {
    if (json[old] == null) return fields.count(key);
    if (json[key] != null && json[key] !== json[old]) {
      fields.problem(key, `is ${JSON.stringify(json[key])}, but ${old} is ${JSON.stringify(json[old])}`);
    }
    return fields.count(old);
  };
  const hiddenSize = either('hidden_size', 'n_embed');
  const numHeads = either('n_head', 'num_attention_heads');
  checkFixed(json, fields, 'apply_residual_connection_post_layernorm', false);
  checkHeadSize(hiddenSize, numHeads, 'n_head', fields);
  checkUnquantized(json, fields);
  const config: BloomConfig = {
    architecture: 'bloom',
    hiddenSize,
    numHeads,
    numLayers: either('n_layer', 'num_hidden_layers'),
    vocabSize: fields.count('vocab_size'),
    // no table ends here: texts of training had this length
    maxPositions: fields.count('seq_length', 2048),
    layerNormEps: fields.positive('layer_norm_epsilon', 1e-5),
    initializerRange: fields.positive('initializer_range', 0.02),
    tiedHead: fields.flag('tie_word_embeddings', true),
  };
  fields.finish();
  return config;
}

const PROJECTIONS = ['q_proj', 'k_proj', 'v_proj'] as const;

function layer({ hiddenSize, layerNormEps }: BloomConfig, index: number): LayerSpec {
  const bias = { bias: true };
  const square: readonly [number, number] = [hiddenSize, hiddenSize];
  return {
    name: `transformer.h.${index}`,
    attention: [
      layerNormSpec('input_layernorm', hiddenSize, layerNormEps),
      linearSpec('self_attention.q_proj', 'attention-query', square, bias),
      linearSpec('self_attention.k_proj', 'attention-key', square, bias),
      linearSpec('self_attention.v_proj', 'attention-value', square, bias),
      linearSpec('self_attention.dense', 'attention-output', square, bias),
    ],
    ffnNorm: layerNormSpec('post_attention_layernorm', hiddenSize, layerNormEps),
    ffn: {
      name: 'mlp',
      activation: 'gelu-tanh',
      up: linearSpec('mlp.dense_h_to_4h', 'ffn-up', [hiddenSize, 4 * hiddenSize], bias),
      down: linearSpec('mlp.dense_4h_to_h', 'ffn-down', [4 * hiddenSize, hiddenSize], bias),
    },
    ffnReads: 'attention',
  };
}

function attention({ numHeads }: BloomConfig, _index: number, x: Tensor, pass: LayerPass): Tensor {
  const normed = pass.norm('input_layernorm', x);
  const [queries, keys, values] = PROJECTIONS.map((name) =>
    pass.heads(pass.linear(`self_attention.${name}`, normed), numHeads),
  ) as [Tensor, Tensor, Tensor];
  const mixed = pass.attend(queries, keys, values, { slopes: alibiSlopes(numHeads) });
  return pass.linear('self_attention.dense', mixed);
}

/** BLOOM (arXiv 2211.05100): linear biases in place of positions, a norm behind the embeddings. */
export const bloom: ModelFamily<BloomConfig> = {
  name: 'bloom',
  architectures: ARCHITECTURES,
  head: 'lm_head',
  optionalPrefix: 'transformer.',
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  embeddings: ({ vocabSize }) => [{ name: TOKENS, rows: vocabSize }],
  embeddingNorm: ({ hiddenSize, layerNormEps }) =>
    layerNormSpec('transformer.word_embeddings_layernorm', hiddenSize, layerNormEps),
  layer,
  finalNorm: ({ hiddenSize, layerNormEps }) => layerNormSpec('transformer.ln_f', hiddenSize, layerNormEps),
  // files hold query, key and value of one head after another
  storedAs: ({ hiddenSize, numHeads, numLayers }) =>
    new Map(
      Array.from({ length: numLayers }, (_, i) => `transformer.h.${i}.self_attention`).flatMap((at) => {
        const parts = Object.fromEntries(PROJECTIONS.map((name) => [`${at}.${name}`, hiddenSize]));
        return fusedLinears(`${at}.query_key_value`, parts, hiddenSize, { bias: true, groups: numHeads });
      }),
    ),
  attention,
};
