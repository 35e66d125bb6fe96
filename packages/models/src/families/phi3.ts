import type { JsonObject } from '@moect/core';
import type { ModelFamily } from '../decoder/model-family.ts';
import { parseRotary } from '../decoder/rotary/rope-config.ts';
import { fieldReader } from '../hf/json-fields.ts';
import { architectureOf, checkUnquantized, unknownArchitecture } from './config-checks.ts';
import { LLAMA_NAMES, type RotaryDecoderConfig, rotaryDecoder } from './rotary-decoder.ts';
import { checkSilu, rotaryDecoderSizes, uniformWindows } from './rotary-decoder-config.ts';
import { fusedLinears } from './stored-rows.ts';

const MODEL_TYPES = { Phi3ForCausalLM: 'phi3' } as const;
const ARCHITECTURES = Object.keys(MODEL_TYPES);

function parse(json: JsonObject, what: string): RotaryDecoderConfig {
  if (architectureOf(json, MODEL_TYPES) === null) unknownArchitecture(json, ARCHITECTURES, what);
  const fields = fieldReader(json, what);
  const sizes = rotaryDecoderSizes(json, fields, { maxPositions: 4096, rmsNormEps: 1e-5 });
  const { rope, factor } = parseRotary(json, sizes.maxPositions, fields);
  const rotaryDim = Math.trunc(sizes.headDim * factor);
  if (rotaryDim < 2 || rotaryDim % 2 !== 0) {
    const message = `rotates ${rotaryDim} dimensions of each head, must be an even number from 2`;
    fields.problem('partial_rotary_factor', message);
  }
  checkSilu(json, fields);
  checkUnquantized(json, fields);
  const config: RotaryDecoderConfig = {
    architecture: 'phi3',
    ...sizes,
    rope,
    rotaryDim,
    queryKeyValueBias: false,
    outputBias: false,
    mlpBias: false,
    queryKeyNorm: false,
    windows: uniformWindows(json, fields, sizes.numLayers),
  };
  fields.finish();
  return config;
}

function storedAs(config: RotaryDecoderConfig): ReturnType<NonNullable<ModelFamily['storedAs']>> {
  const { hiddenSize, intermediateSize, headDim, numLayers } = config;
  const [queries, keys] = [config.numHeads * headDim, config.numKeyValueHeads * headDim];
  const layers = Array.from({ length: numLayers }, (_, i) => `model.layers.${i}`);
  return new Map(
    layers.flatMap((at) => {
      const [heads, mlp] = [`${at}.self_attn`, `${at}.mlp`];
      const projections = {
        [`${heads}.q_proj`]: queries,
        [`${heads}.k_proj`]: keys,
        [`${heads}.v_proj`]: keys,
      };
      const inner = { [`${mlp}.gate_proj`]: intermediateSize, [`${mlp}.up_proj`]: intermediateSize };
      return [
        ...fusedLinears(`${heads}.qkv_proj`, projections, hiddenSize, { bias: false }),
        ...fusedLinears(`${mlp}.gate_up_proj`, inner, hiddenSize, { bias: false }),
      ];
    }),
  );
}

/** Phi-3 (arXiv 2404.14219): a Llama whose files hold q, k and v in one tensor, and gate and up in another. */
export const phi3: ModelFamily<RotaryDecoderConfig> = {
  name: 'phi3',
  architectures: ARCHITECTURES,
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  ...rotaryDecoder<RotaryDecoderConfig>(LLAMA_NAMES),
  storedAs,
};
