import type { Activation, JsonObject, LinearRole, Tensor } from '@moect/core';
import type { RotaryConfig } from './rotary/rope-config.ts';

/** Configuration that the shared decoder needs; families add fields of their own. */
export interface DecoderConfig {
  /** `BaseModel.architecture`, for example `llama`. */
  readonly architecture: string;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** See `BaseModel.hasLearnedPositions`. */
  readonly hasLearnedPositions?: boolean;
  /** The head's weight is the table of token embeddings. */
  readonly tiedHead: boolean;
  /** Standard deviation of fresh weights. */
  readonly initializerRange: number;
}

/** Parameters `<name>.weight` [outSize, inSize] and, with a bias, `<name>.bias` [outSize]. A site of the same name. */
export interface LinearSpec {
  readonly kind: 'linear';
  readonly name: string;
  readonly role: LinearRole;
  readonly inSize: number;
  readonly outSize: number;
  readonly bias: boolean;
  /** Files hold the weight as [in, out] (Conv1D of GPT-2). Reading transposes it. */
  readonly isStoredTransposed?: boolean;
}

/** Parameters `<name>.weight` [size] and, of a layer norm, `<name>.bias` [size]. */
export interface NormSpec {
  readonly kind: 'rms-norm' | 'layer-norm';
  readonly name: string;
  readonly size: number;
  readonly eps: number;
}

/** A table `<name>.weight` [rows, hiddenSize]. */
export interface EmbeddingSpec {
  readonly name: string;
  readonly rows: number;
}

/** down(activation(gate(z)) · up(z)), or without a gate down(activation(up(z))). Its name is the FFN site's name. */
export interface FfnSpec {
  readonly name: string;
  readonly activation: Activation;
  readonly gate?: LinearSpec;
  readonly up: LinearSpec;
  readonly down: LinearSpec;
}

/** A block: y = a + FFN(z), where a = x + attention(x). Names of modules inside it are relative to its own. */
export interface LayerSpec {
  /** Module path, for example `model.layers.3`. */
  readonly name: string;
  /** Modules of attention, its norm included, in the order of the pass. */
  readonly attention: readonly (LinearSpec | NormSpec)[];
  readonly ffnNorm: NormSpec;
  readonly ffn: FfnSpec;
  /** `attention`: z = Norm(a). `block`: z = Norm(x), as in parallel blocks. */
  readonly ffnReads: 'attention' | 'block';
}

/** One layer of a pass, as the family's attention uses it. Names are relative to the layer. */
export interface LayerPass {
  norm(name: string, x: Tensor): Tensor;
  /** A linear with its bias and attachment. */
  linear(name: string, x: Tensor): Tensor;
  /** [batch, time, count · headDim] → [batch, time, count, headDim] */
  heads(x: Tensor, count: number): Tensor;
  /** Rotates the first `RotaryConfig.rotaryDim` dimensions of each head [.., headDim] by position. */
  rotate(heads: Tensor): Tensor;
  /**
   * Causal attention inside documents, over cached keys too, with scores divided by √headDim.
   * @param queries [batch, time, heads, headDim]
   * @param keys [batch, time, keyValueHeads, headDim], already rotated; `values` alike
   * @param window keys that a query sees, itself included; 0, the default: all before it
   * @returns [batch, time, heads · headDim]
   */
  attend(queries: Tensor, keys: Tensor, values: Tensor, window?: number): Tensor;
}

/**
 * A family of decoder-only language models: how its config.json is read, what its modules are called, and how its
 * attention computes. Everything else is shared: sites, caches, start points, recomputation, head and loss.
 */
export interface ModelFamily<Config extends DecoderConfig = DecoderConfig> {
  readonly name: string;
  /** Values of `architectures` in config.json, for messages. */
  readonly architectures: readonly string[];
  /** Path of the output head's module, for example `lm_head`; an untied head has the weight `<head>.weight`. */
  readonly head: string;
  /** Prefix of parameter names that some files omit, for example `transformer.`. */
  readonly optionalPrefix?: string;
  /** Whether this family reads such a config.json. */
  matches(json: JsonObject): boolean;
  /** Throws InvalidConfigError with every problem at once, including unsupported settings that would change the result. */
  parse(json: JsonObject, what: string): Config;
  /** Embedding tables; the first belongs to the tokens. */
  embeddings(config: Config): readonly EmbeddingSpec[];
  layer(config: Config, layer: number): LayerSpec;
  finalNorm(config: Config): NormSpec;
  /** Absent where positions are not rotated. */
  rotary?(config: Config): RotaryConfig;
  /** Tensors in files that are not weights, such as masks; they are not read. */
  buffers?(config: Config): readonly string[];
  /**
   * Input of the first layer, [batch, time, hiddenSize]. Default: rows of the first table.
   * @param tokens [batch, time] int32
   * @param positions [batch, time] int32
   * @param table the weight of an embedding by the name of its module
   */
  embed?(config: Config, tokens: Tensor, positions: Tensor, table: (name: string) => Tensor): Tensor;
  /**
   * Attn(Norm₁(x)), the term that is added to the stream.
   * @param x [batch, time, hiddenSize]
   */
  attention(config: Config, layer: number, x: Tensor, pass: LayerPass): Tensor;
}
