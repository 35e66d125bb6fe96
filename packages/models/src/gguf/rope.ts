import type { JsonObject } from '@moect/core';
import type { ModelHeader } from './model-header.ts';

const TYPES = ['none', 'linear', 'yarn'];

/** llama.cpp's default factor on cos and sin under YaRN (arXiv 2309.00071, section 3.4). */
const yarnMagnitude = (factor: number): number => (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1);

function yarn({ fields }: ModelHeader, factor: number): JsonObject {
  const magnitude = fields.positive('rope.scaling.attn_factor', 1) * yarnMagnitude(factor);
  return {
    rope_type: 'yarn',
    factor,
    original_max_position_embeddings: fields.count('rope.scaling.original_context_length'),
    beta_fast: fields.positive('rope.scaling.yarn_beta_fast', 32),
    beta_slow: fields.positive('rope.scaling.yarn_beta_slow', 1),
    attention_factor: magnitude,
  };
}

/** Keys of the rotation, for the lists of keys that an architecture reads. */
export const ROPE_KEYS = [
  'rope.dimension_count',
  'rope.freq_base',
  'rope.scale_linear',
  'rope.scaling.type',
  'rope.scaling.factor',
  'rope.scaling.attn_factor',
  'rope.scaling.original_context_length',
  'rope.scaling.finetuned',
  'rope.scaling.yarn_beta_fast',
  'rope.scaling.yarn_beta_slow',
];

/** `rope_parameters` of config.json. */
export function ropeParameters(header: ModelHeader): JsonObject {
  const { fields, value, frequencyFactors } = header;
  const theta = { rope_theta: fields.positive('rope.freq_base', 10000) };
  if (frequencyFactors !== null) {
    return { ...theta, rope_type: 'frequency_factors', frequency_factors: frequencyFactors };
  }
  // as llama.cpp does: a factor without a type is linear, and scale_linear is its older name
  const factor = fields.positive(
    value('rope.scaling.factor') == null ? 'rope.scale_linear' : 'rope.scaling.factor',
    1,
  );
  const type = fields.text('rope.scaling.type', factor === 1 ? 'none' : 'linear');
  if (!TYPES.includes(type)) fields.problem('rope.scaling.type', `is '${type}', known: ${TYPES.join(', ')}`);
  if (type === 'yarn') return { ...theta, ...yarn(header, factor) };
  return type === 'linear' ? { ...theta, rope_type: 'linear', factor } : { ...theta, rope_type: 'default' };
}
