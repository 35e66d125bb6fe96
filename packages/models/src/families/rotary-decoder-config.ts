import type { JsonObject } from '@moect/core';
import type { FieldReader } from '../hf/json-fields.ts';
import { decoderFields } from './config-checks.ts';
import type { RotaryDecoderConfig } from './rotary-decoder.ts';

type Sizes = Pick<
  RotaryDecoderConfig,
  'hiddenSize' | 'numLayers' | 'vocabSize' | 'maxPositions' | 'initializerRange' | 'tiedHead'
> &
  Pick<RotaryDecoderConfig, 'intermediateSize' | 'numHeads' | 'numKeyValueHeads' | 'headDim' | 'rmsNormEps'>;

/** Sizes under the names that Llama and its descendants give them; heads that do not fit are problems of `fields`. */
export function rotaryDecoderSizes(
  json: JsonObject,
  fields: FieldReader,
  defaults: {
    readonly maxPositions: number;
    readonly rmsNormEps: number;
    readonly tiedHead?: boolean;
    readonly headDim?: number;
  },
): Sizes {
  const { maxPositions, rmsNormEps, tiedHead = false } = defaults;
  const common = decoderFields(fields, { maxPositions, tiedHead });
  const numHeads = fields.count('num_attention_heads');
  const numKeyValueHeads = fields.count('num_key_value_heads', numHeads);
  const isDivided = json['head_dim'] == null && defaults.headDim === undefined;
  const headDim = isDivided ? common.hiddenSize / numHeads : fields.count('head_dim', defaults.headDim);
  checkHeads({ numHeads, numKeyValueHeads, headDim }, fields);
  return {
    ...common,
    intermediateSize: fields.count('intermediate_size'),
    numHeads,
    numKeyValueHeads,
    headDim,
    rmsNormEps: fields.positive('rms_norm_eps', rmsNormEps),
  };
}

function checkHeads(
  config: Pick<RotaryDecoderConfig, 'numHeads' | 'numKeyValueHeads' | 'headDim'>,
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

/** Activations other than SiLU are problems of `fields`. */
export function checkSilu(json: JsonObject, fields: FieldReader): void {
  if ((json['hidden_act'] ?? 'silu') === 'silu') return;
  fields.problem('hidden_act', `is ${JSON.stringify(json['hidden_act'])}, only "silu" is supported`);
}

/**
 * Keys that a query sees, by layer, from `layer_types` where there are any.
 * @param size the window; 0 where there is none
 * @param isWindowed layers with a window where there are no `layer_types`
 */
export function windowsOf(
  json: JsonObject,
  fields: FieldReader,
  [layers, size]: readonly [layers: number, size: number],
  isWindowed: (layer: number) => boolean,
): number[] {
  const types = json['layer_types'];
  return Array.from({ length: layers }, (_, layer) => {
    if (!Array.isArray(types)) return isWindowed(layer) ? size : 0;
    if (types[layer] === 'full_attention') return 0;
    if (types[layer] === 'sliding_attention' && size > 0) return size;
    fields.problem('layer_types', `has ${JSON.stringify(types[layer] ?? null)} for layer ${layer}`);
    return 0;
  });
}

/** `sliding_window` of a family where it holds in every layer; null and absent: none. */
export function uniformWindows(json: JsonObject, fields: FieldReader, layers: number): number[] {
  const size = json['sliding_window'] == null ? 0 : fields.count('sliding_window');
  return windowsOf(json, fields, [layers, size], () => true);
}
