import type { ParamTree, Rng, Tensor } from './tensor.ts';

/** Role of a token's language: 0 unknown, 1 old (to be kept), 2 new (to be learned). */
export const LANGUAGE_ROLES = { unknown: 0, old: 1, new: 2 } as const;

/** Token counts of the whole optimizer step, so that losses of micro-batches add up exactly. */
export interface LossNormalizers {
  /** Tokens with a target. */
  readonly tokens: number;
  readonly oldTokens: number;
  readonly newTokens: number;
}

export interface FusionInput {
  /** [batch, time, hiddenSize]: a, the stream after attention. */
  readonly residual: Tensor;
  /** [batch, time, hiddenSize]: f, the base FFN's output; may be computed when it is first read. */
  readonly base: Tensor;
  /** [batch, time, hiddenSize]: m, the branch's output. */
  readonly moe: Tensor;
  /** [batch, time] int32, negative for padding. Prefix statistics restart where it changes. */
  readonly documentIds?: Tensor;
  /** [batch, time] int32, values of {@link LANGUAGE_ROLES}. Known in training only. */
  readonly roles?: Tensor;
  /** [batch, time, 1]: p of the nearest branch below; absent at the first. */
  readonly baseWeightBelow?: Tensor;
  readonly training: boolean;
  readonly normalizers?: LossNormalizers;
  /** τ of this pass, 0 … 1, or null for off. Default: the fusion's own `gateThreshold`. Not used in training. */
  readonly gateThreshold?: number | null;
  /** `state` that the previous call returned, when decoding with a cache. */
  readonly state?: ParamTree;
}

export interface FusionResult {
  /** [batch, time, hiddenSize]: y = a + p·f + (1−p)·m. */
  readonly output: Tensor;
  /** [batch, time, 1] float32: p, the weight of the base. */
  readonly baseWeight: Tensor;
  /** Scalars, already weighted. */
  readonly auxLosses: Readonly<Record<string, Tensor>>;
  /** Prefix state for the next call, when decoding with a cache. The caller disposes it. */
  readonly state?: ParamTree;
}

/** Joins base and branch inside a layer (MoE-CT, arXiv 2407.00875; docs/method.md §1). */
export interface Fusion {
  readonly contract: 'fusion/1';
  readonly name: string;
  /** False: `fuse` never reads `base`, which then need not be computed. Default true. */
  readonly readsBase?: boolean;
  /** True: p is 0 for every token, so that updates beside the branches need no gate. Default false. */
  readonly alwaysOn?: boolean;
  /**
   * True: the first branch's p counts for all branches of a model, as `baseWeightBelow`; those above it have no parameters
   * of the fusion. Default false.
   */
  readonly isShared?: boolean;
  /**
   * Default τ, if a pass names none: outside training p > τ counts as exactly 1; null: off. Absent if the fusion has no
   * threshold; τ of a pass then changes nothing.
   */
  readonly gateThreshold?: number | null;
  init(rng: Rng, dims: { readonly hiddenSize: number }): ParamTree;
  fuse(params: ParamTree, input: FusionInput): FusionResult;
}
