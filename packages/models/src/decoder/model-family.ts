import type { Activation, JsonObject, LinearRole, ParamPath, Tensor } from '@moect/core';
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
  /** Logits become cap · tanh(logits / cap) (Gemma 2, arXiv 2408.00118). Absent: they stay. */
  readonly logitsSoftcap?: number;
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
  /** The norm multiplies by 1 + weight, so that fresh weights are 0 (Gemma). Default false. */
  readonly isZeroCentred?: boolean;
}

/** A parameter `<name>.weight` of any shape that is no site, such as the router of a base's own experts. */
export interface WeightSpec {
  readonly kind: 'weight';
  readonly name: string;
  readonly shape: readonly number[];
  /** It writes into the stream, so that fresh values are drawn smaller. Default false. */
  readonly isResidual?: boolean;
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

/**
 * A feed-forward part that is itself a mixture of experts: Σⱼ wⱼ · expertⱼ(z) over the `topK` experts with the largest
 * softmax(router · z), each down(activation(gate(z)) · up(z)) (Mixtral, arXiv 2401.04088). Its name is the FFN site's name.
 */
export interface MixtureSpec {
  readonly name: string;
  readonly activation: Activation;
  readonly topK: number;
  /** Whether the weights of the chosen experts are divided by their sum. */
  readonly renormalize: boolean;
  /** [numExperts, hiddenSize] */
  readonly router: WeightSpec;
  /** Stacked: `gate` and `up` [numExperts, size, hiddenSize], `down` [numExperts, hiddenSize, size]. */
  readonly experts: { readonly gate: WeightSpec; readonly up: WeightSpec; readonly down: WeightSpec };
  /** An FFN for every token, times σ(gate · z) with a gate [1, hiddenSize] (Qwen2-MoE). */
  readonly shared?: { readonly gate: WeightSpec; readonly ffn: FfnSpec };
}

/** A block: y = a + Norm(FFN(z)), where a = x + attention(x). Names of modules inside it are relative to its own. */
export interface LayerSpec {
  /** Module path, for example `model.layers.3`. */
  readonly name: string;
  /** Modules of attention, its norms included, in the order of the pass. */
  readonly attention: readonly (LinearSpec | NormSpec)[];
  /** Absent where the FFN reads the stream itself: z = a (OLMo-2). */
  readonly ffnNorm?: NormSpec;
  readonly ffn: FfnSpec | MixtureSpec;
  /** Norm of what the FFN gives, before it is added (Gemma 2 and 3, OLMo-2). f is its result. */
  readonly ffnOutputNorm?: NormSpec;
  /** `attention`: z = Norm(a). `block`: z = Norm(x), as in parallel blocks. */
  readonly ffnReads: 'attention' | 'block';
}

export interface AttendOptions {
  /** Keys that a query sees, itself included; 0, the default: all before it. */
  readonly window?: number;
  /** Factor on the scores. Default 1 / √headDim. */
  readonly scale?: number;
  /** Scores become cap · tanh(score / cap) before the mask (Gemma 2). Absent: they stay. */
  readonly softcap?: number;
  /**
   * Slope of each head: −slope · distance is added to the score (ALiBi, arXiv 2108.12409). Keys and values must have
   * a head for each query head.
   */
  readonly slopes?: readonly number[];
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
   * Causal attention inside documents, over cached keys too.
   * @param queries [batch, time, heads, headDim]
   * @param keys [batch, time, keyValueHeads, headDim], already rotated; `values` alike
   * @returns [batch, time, heads · headDim]
   */
  attend(queries: Tensor, keys: Tensor, values: Tensor, options?: AttendOptions): Tensor;
}

/** Rows of a tensor in a file, for a parameter that the file holds otherwise than the model does. */
export interface StoredRows {
  readonly name: string;
  /** Shape of the stored tensor. */
  readonly shape: readonly number[];
  /**
   * Takes the rows `from` … `from` + `count` − 1 of each `block` rows, where a row is everything behind the first axis,
   * or behind the second one of a tensor of rank 3. Default: all rows.
   */
  readonly rows?: { readonly block: number; readonly from: number; readonly count: number };
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
  /** A norm between the embeddings and the first layer (BLOOM). */
  embeddingNorm?(config: Config): NormSpec;
  /** Rotation of a layer's queries and keys; absent where positions are not rotated. */
  rotary?(config: Config, layer: number): RotaryConfig;
  /** Tensors in files that are not weights, such as masks; they are not read. */
  buffers?(config: Config): readonly string[];
  /**
   * Parameters that files may hold otherwise, for instance several linears in one tensor: by the parameter's name the
   * forms in which it may lie there, each a list of parts whose rows follow one another. A parameter that lies in the
   * file under its own name is read from there.
   */
  storedAs?(config: Config): ReadonlyMap<ParamPath, readonly (readonly StoredRows[])[]>;
  /**
   * Input of the first layer, [batch, time, hiddenSize]. Default: rows of the first table.
   * @param tokens [batch, time] int32
   * @param positions [batch, time] int32
   * @param table the weight of an embedding by the name of its module
   */
  embed?(config: Config, tokens: Tensor, positions: Tensor, table: (name: string) => Tensor): Tensor;
  /**
   * The term that attention adds to the stream, with the norms around it: usually Attn(Norm₁(x)).
   * @param x [batch, time, hiddenSize]
   */
  attention(config: Config, layer: number, x: Tensor, pass: LayerPass): Tensor;
}
