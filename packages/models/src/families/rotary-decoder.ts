import type { Activation, Tensor } from '@moect/core';
import type {
  DecoderConfig,
  FfnSpec,
  LayerPass,
  LayerSpec,
  LinearSpec,
  MixtureSpec,
  ModelFamily,
  NormSpec,
} from '../decoder/model-family.ts';
import type { RopeConfig } from '../decoder/rotary/rope-config.ts';
import { linearSpec, rmsNormSpec } from './modules.ts';

/** What Llama and its descendants share: grouped-query attention with rotation, RMSNorms, gated FFNs. */
export interface RotaryDecoderConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly rope: RopeConfig;
  /** Rotation of layers with a window, where it is another one (Gemma 3). */
  readonly localRope?: RopeConfig;
  /** Leading dimensions of each head that are rotated. Default: all. */
  readonly rotaryDim?: number;
  /** Bias on q, k and v. */
  readonly queryKeyValueBias: boolean;
  /** Bias on the attention's output projection. */
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** RMSNorm of queries and keys before rotation: of each head (Qwen3), or of the whole projection (OLMo-2). */
  readonly queryKeyNorm: false | 'heads' | 'projection';
  /** Keys that a query sees, by layer; 0 = all before it. */
  readonly windows: readonly number[];
  /** Default `silu`. */
  readonly activation?: Activation;
  /** Factor on attention scores. Default 1 / √headDim. */
  readonly attentionScale?: number;
  /** Attention scores become cap · tanh(score / cap). */
  readonly scoreSoftcap?: number;
  /** Norms multiply by 1 + weight. */
  readonly hasZeroCentredNorms?: boolean;
}

/** Names of modules. Absent norms are not there. */
export interface RotaryDecoderNames {
  readonly tokens: string;
  /** A layer is `<layers>.<number>`. */
  readonly layers: string;
  readonly finalNorm: string;
  /** Holds `q_proj`, `k_proj`, `v_proj`, the output projection and norms of queries and keys. */
  readonly attention: string;
  readonly output: string;
  readonly attentionNorm?: string;
  readonly attentionOutputNorm?: string;
  readonly ffnNorm?: string;
  readonly ffnOutputNorm?: string;
  readonly ffn: { readonly name: string; readonly gate: string; readonly up: string; readonly down: string };
}

export const LLAMA_NAMES: RotaryDecoderNames = {
  tokens: 'model.embed_tokens',
  layers: 'model.layers',
  finalNorm: 'model.norm',
  attention: 'self_attn',
  output: 'o_proj',
  attentionNorm: 'input_layernorm',
  ffnNorm: 'post_attention_layernorm',
  ffn: { name: 'mlp', gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
};

/** A gated FFN of this width, `mlp` for instance. */
export function gatedFfn(
  { name, gate, up, down }: RotaryDecoderNames['ffn'],
  config: Pick<RotaryDecoderConfig, 'hiddenSize' | 'activation' | 'mlpBias'>,
  width: number,
): FfnSpec {
  const { hiddenSize, activation = 'silu', mlpBias: bias } = config;
  return {
    name,
    activation,
    gate: linearSpec(`${name}.${gate}`, 'ffn-gate', [hiddenSize, width], { bias }),
    up: linearSpec(`${name}.${up}`, 'ffn-up', [hiddenSize, width], { bias }),
    down: linearSpec(`${name}.${down}`, 'ffn-down', [width, hiddenSize], { bias }),
  };
}

const normOf = (config: RotaryDecoderConfig, name: string, size: number): NormSpec => ({
  ...rmsNormSpec(name, size, config.rmsNormEps),
  ...(config.hasZeroCentredNorms === true && { isZeroCentred: true }),
});

function attentionModules(config: RotaryDecoderConfig, names: RotaryDecoderNames): (LinearSpec | NormSpec)[] {
  const { hiddenSize, headDim, queryKeyNorm, outputBias, queryKeyValueBias: bias } = config;
  const [queries, keys] = [config.numHeads * headDim, config.numKeyValueHeads * headDim];
  const at = (name: string): string => `${names.attention}.${name}`;
  const norms = [
    ['q_norm', queries],
    ['k_norm', keys],
  ] as const;
  const stream = (name: string | undefined): NormSpec[] =>
    name === undefined ? [] : [normOf(config, name, hiddenSize)];
  return [
    ...stream(names.attentionNorm),
    linearSpec(at('q_proj'), 'attention-query', [hiddenSize, queries], { bias }),
    linearSpec(at('k_proj'), 'attention-key', [hiddenSize, keys], { bias }),
    linearSpec(at('v_proj'), 'attention-value', [hiddenSize, keys], { bias }),
    ...(queryKeyNorm === false ? [] : norms).map(([name, width]) =>
      normOf(config, at(name), queryKeyNorm === 'heads' ? headDim : width),
    ),
    linearSpec(at(names.output), 'attention-output', [queries, hiddenSize], { bias: outputBias }),
    ...stream(names.attentionOutputNorm),
  ];
}

function attention(
  config: RotaryDecoderConfig,
  names: RotaryDecoderNames,
  index: number,
  x: Tensor,
  pass: LayerPass,
): Tensor {
  const at = (name: string): string => `${names.attention}.${name}`;
  const normed = names.attentionNorm === undefined ? x : pass.norm(names.attentionNorm, x);
  const project = (name: string): Tensor => pass.linear(at(`${name}_proj`), normed);
  const rotated = (name: string, count: number): Tensor => {
    const { queryKeyNorm } = config;
    const whole = project(name);
    if (queryKeyNorm === 'projection')
      return pass.rotate(pass.heads(pass.norm(at(`${name}_norm`), whole), count));
    const heads = pass.heads(whole, count);
    return pass.rotate(queryKeyNorm === 'heads' ? pass.norm(at(`${name}_norm`), heads) : heads);
  };
  const queries = rotated('q', config.numHeads);
  const keys = rotated('k', config.numKeyValueHeads);
  const values = pass.heads(project('v'), config.numKeyValueHeads);
  const { attentionScale: scale, scoreSoftcap: softcap } = config;
  const mixed = pass.attend(queries, keys, values, {
    window: config.windows[index]!,
    ...(scale !== undefined && { scale }),
    ...(softcap !== undefined && { softcap }),
  });
  const output = pass.linear(at(names.output), mixed);
  return names.attentionOutputNorm === undefined ? output : pass.norm(names.attentionOutputNorm, output);
}

/** Tables that old checkpoints carry and every program computes itself. */
const rotationTables = ({ layers, attention: module }: RotaryDecoderNames, numLayers: number): string[] => [
  `${layers.slice(0, layers.lastIndexOf('.'))}.rotary_emb.inv_freq`,
  ...Array.from({ length: numLayers }, (_, i) => `${layers}.${i}.${module}.rotary_emb.inv_freq`),
];

type Shared = 'head' | 'embeddings' | 'layer' | 'finalNorm' | 'rotary' | 'buffers' | 'attention';

/**
 * The parts of a family that follow from the names of its modules.
 * @param ffn feed-forward part of a layer; default: a gated FFN of `intermediateSize`
 */
export function rotaryDecoder<Config extends RotaryDecoderConfig>(
  names: RotaryDecoderNames,
  ffn: (config: Config, layer: number) => FfnSpec | MixtureSpec = (config) =>
    gatedFfn(names.ffn, config, config.intermediateSize),
): Pick<ModelFamily<Config>, Shared> {
  const layer = (config: Config, index: number): LayerSpec => {
    const { ffnNorm, ffnOutputNorm } = names;
    return {
      name: `${names.layers}.${index}`,
      attention: attentionModules(config, names),
      ...(ffnNorm !== undefined && { ffnNorm: normOf(config, ffnNorm, config.hiddenSize) }),
      ffn: ffn(config, index),
      ...(ffnOutputNorm !== undefined && { ffnOutputNorm: normOf(config, ffnOutputNorm, config.hiddenSize) }),
      ffnReads: 'attention',
    };
  };
  return {
    head: 'lm_head',
    embeddings: ({ vocabSize }) => [{ name: names.tokens, rows: vocabSize }],
    layer,
    finalNorm: (config) => normOf(config, names.finalNorm, config.hiddenSize),
    rotary: ({ rope, localRope = rope, rotaryDim, headDim, maxPositions, windows }, index) => ({
      rope: windows[index] === 0 ? rope : localRope,
      rotaryDim: rotaryDim ?? headDim,
      maxPositions,
    }),
    buffers: ({ numLayers }) => rotationTables(names, numLayers),
    attention: (config, index, x, pass) => attention(config, names, index, x, pass),
  };
}
