import { isJsonObject, type JsonObject } from '@moect/core';
import type { FieldReader } from '../../hf/json-fields.ts';

/** Rotary settings of a model. */
export interface RotaryConfig {
  readonly rope: RopeConfig;
  /** Leading dimensions of each head that are rotated, even. */
  readonly rotaryDim: number;
  readonly maxPositions: number;
}

/** Rotary embedding, from `rope_parameters` (transformers 5) or `rope_theta` + `rope_scaling` (4). */
export type RopeConfig = { readonly theta: number } & (
  | { readonly type: 'default' }
  | { readonly type: 'linear'; readonly factor: number }
  | { readonly type: 'dynamic'; readonly factor: number; readonly originalMaxPositions: number }
  | { readonly type: 'frequency_factors'; readonly factors: readonly number[] }
  | YarnConfig
  | Llama3Config
);

/** YaRN (arXiv 2309.00071). */
export interface YarnConfig {
  readonly type: 'yarn';
  readonly factor: number;
  readonly originalMaxPositions: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Factor on cos and sin. */
  readonly attentionFactor: number;
  readonly truncate: boolean;
}

export interface Llama3Config {
  readonly type: 'llama3';
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositions: number;
}

const TYPES = ['default', 'linear', 'dynamic', 'yarn', 'llama3', 'frequency_factors'] as const;

function attentionFactor(json: JsonObject, fields: FieldReader, factor: number): number {
  const scale = (mscale: number): number => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const [own, all] = [json['mscale'], json['mscale_all_dim']];
  const both = typeof own === 'number' && typeof all === 'number' && own !== 0 && all !== 0;
  return fields.positive('attention_factor', both ? scale(own) / scale(all) : scale(1));
}

/** llama.cpp's form of any scaling that does not depend on the length: what each pair's frequency is divided by. */
function frequencyFactors(json: JsonObject, fields: FieldReader): readonly number[] {
  const factors = json['frequency_factors'];
  const isFactor = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x) && x > 0;
  if (Array.isArray(factors) && factors.every(isFactor)) return factors;
  fields.problem('frequency_factors', 'must be a list of numbers above 0');
  return [];
}

/**
 * Rotary settings of one object: `rope_type` (or `type`) and its numbers. Unknown types become problems of `fields`.
 * @param fields reader of this object
 */
export function parseRopeObject(
  json: JsonObject,
  theta: number,
  maxPositions: number,
  fields: FieldReader,
): RopeConfig {
  const type = (json['rope_type'] ?? json['type'] ?? 'default') as (typeof TYPES)[number];
  const original = (): number => fields.count('original_max_position_embeddings', maxPositions);
  if (type === 'default') return { theta, type };
  if (!TYPES.includes(type)) {
    fields.problem('rope_type', `is ${JSON.stringify(type)}, known: ${TYPES.join(', ')}`);
    return { theta, type: 'default' };
  }
  if (type === 'frequency_factors') return { theta, type, factors: frequencyFactors(json, fields) };
  const factor = fields.positive('factor');
  if (type === 'linear') return { theta, type, factor };
  if (type === 'dynamic') return { theta, type, factor, originalMaxPositions: original() };
  if (type === 'yarn') {
    return {
      theta,
      type,
      factor,
      originalMaxPositions: original(),
      betaFast: fields.positive('beta_fast', 32),
      betaSlow: fields.positive('beta_slow', 1),
      attentionFactor: attentionFactor(json, fields, factor),
      truncate: fields.flag('truncate', true),
    };
  }
  return {
    theta,
    type,
    factor,
    lowFreqFactor: fields.positive('low_freq_factor'),
    highFreqFactor: fields.positive('high_freq_factor'),
    originalMaxPositions: fields.count('original_max_position_embeddings'),
  };
}

interface RotaryKeys {
  readonly theta: string;
  readonly factor: string;
  readonly defaultFactor: number;
  /** Default 10,000. */
  readonly defaultTheta?: number;
}

const PLAIN_KEYS: RotaryKeys = { theta: 'rope_theta', factor: 'partial_rotary_factor', defaultFactor: 1 };

/**
 * Rotary settings of a config.json, in either spelling. Unknown types become problems of `fields`.
 * @param keys names of the frequency base and of the rotated share of each head, where old files of a family have names
 * of their own
 * @returns `factor`: the rotated share of each head's dimensions, in (0, 1]
 */
export function parseRotary(
  config: JsonObject,
  maxPositions: number,
  fields: FieldReader,
  keys: RotaryKeys = PLAIN_KEYS,
): { rope: RopeConfig; factor: number } {
  const key = config['rope_parameters'] == null ? 'rope_scaling' : 'rope_parameters';
  const given = config[key] ?? {};
  if (!isJsonObject(given)) fields.problem(key, 'must be an object');
  const json = isJsonObject(given) ? given : {};
  const inner = fields.nested(key, json);
  const read = (name: string, old: string, fallback: number): number => {
    if (json[name] != null) return inner.positive(name);
    return fields.positive(config[name] == null ? old : name, fallback);
  };
  const theta = read('rope_theta', keys.theta, keys.defaultTheta ?? 10000);
  const factor = read('partial_rotary_factor', keys.factor, keys.defaultFactor);
  if (factor > 1) inner.problem('partial_rotary_factor', `is ${factor}, must be at most 1`);
  return { rope: parseRopeObject(json, theta, maxPositions, inner), factor };
}

/** {@link parseRotary} of families that rotate whole heads: partial rotation is a problem of `fields`. */
export function parseRope(
  config: JsonObject,
  maxPositions: number,
  fields: FieldReader,
  defaultTheta?: number,
): RopeConfig {
  const keys = { ...PLAIN_KEYS, ...(defaultTheta !== undefined && { defaultTheta }) };
  const { rope, factor } = parseRotary(config, maxPositions, fields, keys);
  if (factor < 1) {
    const key = config['rope_parameters'] == null ? 'rope_scaling' : 'rope_parameters';
    fields.problem(`${key}.partial_rotary_factor`, `is ${factor}, only 1 is supported`);
  }
  return rope;
}
