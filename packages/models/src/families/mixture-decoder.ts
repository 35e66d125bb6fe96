import type { JsonObject, ParamPath } from '@moect/core';
import type { FfnSpec, MixtureSpec, ModelFamily, StoredRows, WeightSpec } from '../decoder/model-family.ts';
import { parseRope } from '../decoder/rotary/rope-config.ts';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';
import { architectureOf, checkFixed, checkUnquantized, unknownArchitecture } from './config-checks.ts';
import { gatedFfn, LLAMA_NAMES, type RotaryDecoderConfig, rotaryDecoder } from './rotary-decoder.ts';
import { checkSilu, rotaryDecoderSizes, uniformWindows, windowsOf } from './rotary-decoder-config.ts';
import { stackedExperts } from './stored-rows.ts';

/** A decoder whose FFNs, or some of them, are mixtures of experts. */
interface MixtureDecoderConfig extends RotaryDecoderConfig {
  readonly numExperts: number;
  readonly topK: number;
  readonly renormalize: boolean;
  /** Inner width of an expert. */
  readonly expertSize: number;
  /** Inner width of the FFN that every token passes beside its experts; null: there is none. */
  readonly sharedSize: number | null;
  /** Whether the FFN of a layer is a mixture. */
  readonly isSparse: readonly boolean[];
}

/** Module names of a member. */
interface Member {
  readonly modelType: string;
  readonly mixture: string;
  readonly experts: { readonly gate: string; readonly up: string; readonly down: string };
}

const PROJECTIONS = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' };

const MEMBERS = {
  MixtralForCausalLM: {
    modelType: 'mixtral',
    mixture: 'block_sparse_moe',
    experts: { gate: 'w1', up: 'w3', down: 'w2' },
  },
  OlmoeForCausalLM: { modelType: 'olmoe', mixture: 'mlp', experts: PROJECTIONS },
  Qwen2MoeForCausalLM: { modelType: 'qwen2_moe', mixture: 'mlp', experts: PROJECTIONS },
} as const satisfies Readonly<Record<string, Member>>;

type Architecture = keyof typeof MEMBERS;

const ARCHITECTURES = Object.keys(MEMBERS) as Architecture[];
const MODEL_TYPES = Object.fromEntries(
  ARCHITECTURES.map((name) => [name, MEMBERS[name].modelType]),
) as Record<Architecture, string>;

const memberOf = ({ architecture }: MixtureDecoderConfig): Member =>
  Object.values(MEMBERS).find(({ modelType }) => modelType === architecture)!;

type Mixture = Pick<
  MixtureDecoderConfig,
  'numExperts' | 'topK' | 'renormalize' | 'expertSize' | 'sharedSize' | 'isSparse'
>;
type Attention = Pick<MixtureDecoderConfig, 'queryKeyNorm' | 'queryKeyValueBias' | 'outputBias' | 'windows'>;

/** Layers with a mixture: all but the listed ones, every `decoder_sparse_step`-th. */
function sparseLayers(json: JsonObject, fields: FieldReader, layers: number): boolean[] {
  const step = fields.count('decoder_sparse_step', 1);
  const dense = json['mlp_only_layers'] ?? [];
  if (!Array.isArray(dense)) fields.problem('mlp_only_layers', 'must be a list of layer numbers');
  return Array.from(
    { length: layers },
    (_, i) => !(Array.isArray(dense) && dense.includes(i)) && (i + 1) % step === 0,
  );
}

/** What the members say in ways of their own. */
function memberParts(
  json: JsonObject,
  fields: FieldReader,
  architecture: Architecture,
  { numLayers, intermediateSize }: Pick<RotaryDecoderConfig, 'numLayers' | 'intermediateSize'>,
): Mixture & Attention {
  const all = Array<boolean>(numLayers).fill(true);
  const common = { expertSize: intermediateSize, sharedSize: null, isSparse: all };
  if (architecture === 'MixtralForCausalLM') {
    return {
      ...common,
      numExperts: fields.count('num_local_experts', 8),
      topK: fields.count('num_experts_per_tok', 2),
      renormalize: true,
      queryKeyNorm: false,
      queryKeyValueBias: false,
      outputBias: false,
      windows: uniformWindows(json, fields, numLayers),
    };
  }
  const windows = Array<number>(numLayers).fill(0);
  const renormalize = fields.flag('norm_topk_prob', false);
  if (architecture === 'OlmoeForCausalLM') {
    const bias = fields.flag('attention_bias', false);
    if (json['clip_qkv'] != null)
      fields.problem('clip_qkv', `is ${json['clip_qkv']}, only null is supported`);
    return {
      ...common,
      numExperts: fields.count('num_experts', 64),
      topK: fields.count('num_experts_per_tok', 8),
      renormalize,
      queryKeyNorm: 'projection',
      queryKeyValueBias: bias,
      outputBias: bias,
      windows,
    };
  }
  // versions of transformers disagree on which layers would have one
  checkFixed(json, fields, 'use_sliding_window', false);
  return {
    numExperts: fields.count('num_experts', 60),
    topK: fields.count('num_experts_per_tok', 4),
    renormalize,
    expertSize: fields.count('moe_intermediate_size', 1408),
    sharedSize: fields.count('shared_expert_intermediate_size', 5632),
    isSparse: sparseLayers(json, fields, numLayers),
    queryKeyNorm: false,
    queryKeyValueBias: fields.flag('qkv_bias', true),
    outputBias: false,
    windows: windowsOf(json, fields, [numLayers, 0], () => false),
  };
}

function parse(json: JsonObject, what: string): MixtureDecoderConfig {
  const architecture = architectureOf(json, MODEL_TYPES) ?? unknownArchitecture(json, ARCHITECTURES, what);
  const isMixtral = architecture === 'MixtralForCausalLM';
  const fields = fieldReader(json, what);
  const defaults = {
    maxPositions: isMixtral ? 131072 : 4096,
    rmsNormEps: architecture === 'Qwen2MoeForCausalLM' ? 1e-6 : 1e-5,
  };
  const sizes = rotaryDecoderSizes(json, fields, defaults);
  checkSilu(json, fields);
  checkUnquantized(json, fields);
  const config: MixtureDecoderConfig = {
    architecture: MODEL_TYPES[architecture],
    ...sizes,
    rope: parseRope(json, sizes.maxPositions, fields, isMixtral ? 1e6 : undefined),
    mlpBias: false,
    ...memberParts(json, fields, architecture, sizes),
  };
  if (config.topK > config.numExperts) {
    fields.problem('num_experts_per_tok', `is ${config.topK}, there are ${config.numExperts} experts`);
  }
  fields.finish();
  return config;
}

/** [numExperts, out, in] matrices of all experts. */
function expertShapes({ hiddenSize, numExperts, expertSize }: MixtureDecoderConfig) {
  const inner = [numExperts, expertSize, hiddenSize] as const;
  return { gate: inner, up: inner, down: [numExperts, hiddenSize, expertSize] as const };
}

function mixtureOf(config: MixtureDecoderConfig): MixtureSpec {
  const { hiddenSize, numExperts, topK, renormalize, sharedSize } = config;
  const { mixture: name, experts } = memberOf(config);
  const shapes = expertShapes(config);
  const weight = (path: string, shape: readonly number[]): WeightSpec => ({
    kind: 'weight',
    name: `${name}.${path}`,
    shape,
  });
  const shared = (size: number): NonNullable<MixtureSpec['shared']> => ({
    gate: weight('shared_expert_gate', [1, hiddenSize]),
    ffn: gatedFfn({ ...LLAMA_NAMES.ffn, name: `${name}.shared_expert` }, config, size),
  });
  return {
    name,
    activation: 'silu',
    topK,
    renormalize,
    router: weight('gate', [numExperts, hiddenSize]),
    experts: {
      gate: weight(`experts.${experts.gate}`, shapes.gate),
      up: weight(`experts.${experts.up}`, shapes.up),
      down: { ...weight(`experts.${experts.down}`, shapes.down), isResidual: true },
    },
    ...(sharedSize !== null && { shared: shared(sharedSize) }),
  };
}

const ffnOf = (config: MixtureDecoderConfig, layer: number): FfnSpec | MixtureSpec =>
  config.isSparse[layer] === true
    ? mixtureOf(config)
    : gatedFfn(LLAMA_NAMES.ffn, config, config.intermediateSize);

/** Published files hold each expert apart; transformers 5 stacks them, gate rows before up rows. */
function layerStorage(config: MixtureDecoderConfig, at: string): [ParamPath, (readonly StoredRows[])[]][] {
  const { numExperts, expertSize, hiddenSize } = config;
  const { mixture, experts } = memberOf(config);
  const shapes = expertShapes(config);
  const fused = (kind: keyof typeof shapes): StoredRows => {
    if (kind === 'down') return { name: `${at}.mlp.experts.down_proj`, shape: shapes.down };
    const rows = { block: 2 * expertSize, from: kind === 'up' ? expertSize : 0, count: expertSize };
    return { name: `${at}.mlp.experts.gate_up_proj`, shape: [numExperts, 2 * expertSize, hiddenSize], rows };
  };
  const matrices = (Object.keys(shapes) as (keyof typeof shapes)[]).map(
    (kind): [ParamPath, (readonly StoredRows[])[]] => {
      const path = `${at}.${mixture}.experts`;
      const apart = stackedExperts(
        numExperts,
        shapes[kind].slice(1),
        (e) => `${path}.${e}.${experts[kind]}.weight`,
      );
      return [`${path}.${experts[kind]}.weight`, [apart, [fused(kind)]]];
    },
  );
  const router: StoredRows = { name: `${at}.mlp.gate.weight`, shape: [numExperts, hiddenSize] };
  return [
    ...matrices,
    ...(mixture === 'mlp'
      ? []
      : [[`${at}.${mixture}.gate.weight`, [[router]]] as [ParamPath, (readonly StoredRows[])[]]]),
  ];
}

/**
 * Mixtral (arXiv 2401.04088), OLMoE (arXiv 2409.02060) and Qwen2-MoE (arXiv 2407.10671): Llamas whose FFNs are mixtures of
 * experts. The mixture is a frozen part of the block like any FFN; branches stand beside it.
 */
export const mixtureDecoder: ModelFamily<MixtureDecoderConfig> = {
  name: 'mixture-decoder',
  architectures: ARCHITECTURES,
  matches: (json) => architectureOf(json, MODEL_TYPES) !== null,
  parse,
  ...rotaryDecoder<MixtureDecoderConfig>(LLAMA_NAMES, ffnOf),
  storedAs: (config) =>
    new Map(
      config.isSparse.flatMap((isSparse, i) => (isSparse ? layerStorage(config, `model.layers.${i}`) : [])),
    ),
};
