import type { BaseFfn } from './feed-forward.ts';
import type { LossNormalizers } from './fusion.ts';
import type { Site } from './site.ts';
import type { Json, ParamMap, ParamTree, Rng, Tensor } from './tensor.ts';

/** Inputs that every attachment of one forward pass may read. */
export interface SiteContext {
  readonly training: boolean;
  /** [batch, time] int32; absent in bases of others that do not tell. */
  readonly tokens?: Tensor;
  /** [batch, time] int32, negative for padding. */
  readonly documentIds: Tensor;
  /** [batch, time] int32, values of LANGUAGE_ROLES. */
  readonly roles?: Tensor;
  /** [batch, time] int32. */
  readonly languageIds?: Tensor;
  readonly normalizers?: LossNormalizers;
  /** As in {@link ForwardOptions}. */
  readonly gateThreshold?: number | null;
  /** Random stream of this site alone, in training only: see {@link ForwardOptions}. */
  readonly rng?: Rng;
  /** [batch, time, 1]: p of the nearest site below, or null before the first. */
  readonly baseWeight: Tensor | null;
  /** State of this site from the previous call with the same cache. */
  readonly state?: ParamTree;
}

export interface FfnInput {
  /** [batch, time, hiddenSize]: a */
  readonly residual: Tensor;
  /**
   * [batch, time, hiddenSize]: z, what the FFN reads. Norm(a); in parallel blocks (GPT-NeoX) the norm of the block's input;
   * in blocks without a norm before the FFN (OLMo-2) a itself.
   */
  readonly normed: Tensor;
  /** [batch, time, hiddenSize]: f = FFN(z), or its norm where the base has one; may be computed when it is first read. */
  readonly base: Tensor;
}

export interface SiteStatistics {
  /** [batch, time, 1] */
  readonly baseWeight?: Tensor;
  /** [tokens, topK] int32 */
  readonly expertIndices?: Tensor;
  /** [numExperts] */
  readonly tokensPerExpert?: Tensor;
}

export interface FfnOutput {
  /** [batch, time, hiddenSize]: the output stream, residual included. */
  readonly output: Tensor;
  readonly baseWeight?: Tensor;
  readonly auxLosses?: Readonly<Record<string, Tensor>>;
  readonly statistics?: SiteStatistics;
  readonly state?: ParamTree;
}

/** One summand of the logits: input · weightᵀ. */
export interface LogitsTerm {
  /** [.., in] */
  readonly input: Tensor;
  /** [vocabSize, in]; with `tokens` [their number, in] */
  readonly weight: Tensor;
  /** [number] int32, distinct: the tokens whose logits it adds to. Default: all. */
  readonly tokens?: Tensor;
  /** False saves the weight's gradient; it must not be requested then. */
  readonly trainable: boolean;
}

/** Bound attachments: each already holds its own parameters. */
export interface Attachments {
  readonly ffn: ReadonlyMap<string, (input: FfnInput, context: SiteContext) => FfnOutput>;
  /** Returns the replacement of y, the output of a linear [.., in] → [.., out]. */
  readonly linear: ReadonlyMap<string, (input: Tensor, output: Tensor, context: SiteContext) => Tensor>;
  /** Returns the replacement of the stream after a block. */
  readonly block: ReadonlyMap<string, (stream: Tensor, context: SiteContext) => Tensor>;
  /**
   * Returns the replacement of the logits [.., vocabSize] of final hidden states [.., hiddenSize]; where the base caps its
   * logits (Gemma 2), before the cap.
   */
  readonly head: ((hidden: Tensor, logits: Tensor, context: SiteContext) => Tensor) | null;
  /**
   * Terms that `head` adds to the logits in training, linear in hidden states [batch, time, hiddenSize]: with them
   * `loss` does not need whole logits. A `head` without them always gets whole logits.
   */
  readonly headTerms?: ((hidden: Tensor, context: SiteContext) => readonly LogitsTerm[]) | null;
}

/** Keys and values of the tokens seen so far, and the state of the sites. */
export interface DecodingCache {
  readonly length: number;
  dispose(): void;
}

/** Point in a base where a pass can begin. */
export interface StartPoint {
  /** First layer that runs; `numLayers`: only the final norm and the head run. */
  readonly layer: number;
  /**
   * `block`: the layer's input. `ffn`: its FFN site, after the layer's own attention and FFN; only if the FFN reads
   * attention's output (z = Norm(a)), not in parallel blocks, where both read the same input.
   */
  readonly at: 'block' | 'ffn';
}

/** Hidden states that replace the embeddings at the start of a pass. */
export interface LayerInput extends StartPoint {
  /**
   * float32. At `block` [batch, time, hiddenSize]: the stream that enters the layer. At `ffn`
   * [batch, time, 2 · hiddenSize]: a, then f (see `FfnInput`).
   */
  readonly hidden: Tensor;
}

export interface ForwardOptions {
  /** [batch, time] int32; default: 0 … time−1, counted on from the cached tokens. */
  readonly positions?: Tensor;
  /** [batch, time] int32: attention stays inside equal ids; negative = padding. Default: all 0. */
  readonly documentIds?: Tensor;
  readonly roles?: Tensor;
  readonly languageIds?: Tensor;
  readonly normalizers?: LossNormalizers;
  readonly training?: boolean;
  /** τ of this pass, 0 … 1: outside training gates count p > τ as exactly 1; null: off. Default: each gate's own τ. */
  readonly gateThreshold?: number | null;
  /**
   * Random stream for training: each site gets a fork under its name, so that equal seeds give equal numbers to each
   * site. The stream itself does not advance. Default: none; components that need one then refuse to train.
   */
  readonly rng?: Rng;
  readonly attachments?: Attachments;
  /** Tensors used in place of the base's own (full continual training). */
  readonly overrides?: ParamMap;
  /** Grows by `time`. Made by `createCache`. */
  readonly cache?: DecodingCache;
  /** Begins at a start point, without a cache; nothing below it may be attached to or overridden. See `BasePrefix`. */
  readonly from?: LayerInput;
  /** For training: recomputation of each layer from its input on the way back. The same bits. */
  readonly recompute?: boolean;
  /** `last`: logits of the last position only, [batch, 1, vocabSize]. Default `all`. */
  readonly logits?: 'all' | 'last';
  /** Keep per-site statistics (they hold tensors; the caller disposes them). */
  readonly collectStatistics?: boolean;
  /** Also return the hidden states: the first layer's input, then each block's output, the last after the final norm. */
  readonly collectHiddenStates?: boolean;
}

/**
 * Sampled softmax (Jean et al. 2015, arXiv 1412.2007): the loss normalises over some tokens, each of which stands for
 * `exp(logCounts)` tokens of the vocabulary, so that its gradient is nearly that of the whole vocabulary's.
 */
export interface Candidates {
  /** [number] int32, distinct; every target and every token of a `LogitsTerm` with `tokens` is among them. */
  readonly tokens: Tensor;
  /** [batch, time] int32: places of the targets in `tokens`; −1 where there is none. */
  readonly targets: Tensor;
  /** [number, 1] float32, nats. */
  readonly logCounts: Tensor;
  /** [vocabSize, 1] float32: the place of each token in `tokens`; any number for others. */
  readonly places: Tensor;
}

/** A pass over whole sequences. */
export interface LossOptions extends Omit<ForwardOptions, 'cache' | 'logits' | 'collectHiddenStates'> {
  /** Default: all tokens. Bases that cap their logits take all. */
  readonly candidates?: Candidates;
}

export interface ForwardResult {
  /** [batch, time, vocabSize] float32 */
  readonly logits: Tensor;
  /** Scalars by name, summed over sites. */
  readonly auxLosses: Readonly<Record<string, Tensor>>;
  /** By site name. Empty unless asked for. */
  readonly statistics: ReadonlyMap<string, SiteStatistics>;
  /** Empty unless asked for. */
  readonly hiddenStates: readonly Tensor[];
}

/** The layers of a base below an extension: their results never change, so they can be kept. */
export interface BasePrefix {
  /**
   * Last point below which these attachments and overrides change nothing: layer 0 if embeddings are overridden,
   * `numLayers` if only the head is touched. Throws NoSuchComponentError, NoMatchingParameterError for unknown names.
   */
  start(touched: Pick<ForwardOptions, 'attachments' | 'overrides'>): StartPoint;
  /**
   * The base's hidden states at a point, as `ForwardOptions.from` takes them.
   * @param tokens [batch, time] int32
   * @returns see `LayerInput.hidden`
   */
  hidden(
    start: StartPoint,
    tokens: Tensor,
    options?: Pick<ForwardOptions, 'positions' | 'documentIds'>,
  ): Tensor;
}

export interface LossResult extends Pick<ForwardResult, 'auxLosses' | 'statistics'> {
  /** Scalar: scale · Σ tokenLosses, with gradients. */
  readonly loss: Tensor;
  /** [batch · time] float32 nats, 0 where there is no target; without gradients. */
  readonly tokenLosses: Tensor;
}

/** A causal language model whose weights never change. New architectures implement this and nothing else. */
export interface BaseModel {
  readonly contract: 'base-model/1';
  /** Family, for example `llama`. */
  readonly architecture: string;
  /** `config.json` as loaded. */
  readonly config: Readonly<Record<string, Json | undefined>>;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  /**
   * True if the base has no position from `maxPositions` on, because its positions are a learned table, or because it
   * would compute longer texts by rules of its own that are not supported (the first Qwen): longer sequences are errors.
   * Default false.
   */
  readonly hasLearnedPositions?: boolean;
  readonly tiedHead: boolean;
  /** In the order in which the forward pass meets them. */
  readonly sites: readonly Site[];
  /** Every weight by Hugging Face name. Linear weights are [out, in]. */
  readonly parameters: ParamMap;
  /** The FFN at an `ffn` site, for experts that start as copies. Throws NoSuchComponentError. */
  ffnAt(site: string): BaseFfn;
  /** Absent if a pass must begin at the embeddings. */
  readonly prefix?: BasePrefix;
  /** @param tokens [batch, time] int32. Throws ShapeMismatchError. */
  forward(tokens: Tensor, options?: ForwardOptions): ForwardResult;
  /**
   * Cross-entropy of the next tokens, if possible without all positions' logits in memory. Gradients reach overrides
   * and attachments, not the base's own head. For models without this method, the loss is computed from logits.
   * @param targets [batch, time] int32; −1 where there is none
   * @param scale factor on the sum of the losses. Throws ShapeMismatchError.
   */
  loss?(tokens: Tensor, targets: Tensor, scale: number, options?: LossOptions): LossResult;
  /** @param batch rows that will be decoded together */
  createCache(batch: number): DecodingCache;
  dispose(): void;
}
