import type { BaseFfn } from './feed-forward.ts';
import type { ParamTree, Rng, Tensor } from './tensor.ts';

export interface ExpertDims {
  readonly hiddenSize: number;
  readonly numExperts: number;
}

/** Positions of tokens' rows after grouping by expert. */
export interface ExpertRows {
  /** [numExperts + 1] int32: expert e owns rows offsets[e] … offsets[e+1] − 1. */
  readonly offsets: Tensor;
  /** [tokens · topK] int32: the row of each slot token·topK + j. */
  readonly inverse: Tensor;
  /** [tokens · topK] int32: the token of each row. */
  readonly tokens: Tensor;
}

/** All experts of one layer. Parameters are stacked: their first dimension is the expert. */
export interface Expert {
  readonly contract: 'expert/1';
  readonly name: string;
  /** The result is exactly 0 at the start, so the branch adds to the base: m = f + experts(z). Default false: m = experts(z). */
  readonly startsAtZero?: boolean;
  /**
   * True: each expert equals the base's FFN at the start. The branch then equals the base if a token's expert weights
   * sum to 1; therefore topK = 1 of several copies is refused. Default false.
   */
  readonly copiesBase?: boolean;
  /** False: `init` reads no base FFN, so that bases that expose none can carry these experts. Default true. */
  readonly readsBaseFfn?: boolean;
  /**
   * Throws InvalidConfigError where `baseFfn` is of a kind that these experts cannot copy.
   * @param baseFfn absent where `readsBaseFfn` is false
   */
  init(rng: Rng, dims: ExpertDims, baseFfn?: BaseFfn): ParamTree;
  /**
   * @param rows [rows, hiddenSize], grouped by expert
   * @param offsets [numExperts + 1] int32: expert e owns rows offsets[e] … offsets[e+1] − 1
   * @returns [rows, hiddenSize]
   */
  apply(params: ParamTree, rows: Tensor, offsets: Tensor): Tensor;
  /**
   * Sums the results of `apply` for each token: y[n] = Σⱼ weights[n, j] · results[inverse[n·topK + j]]. Optional,
   * for experts that can do this without keeping all results; otherwise results are kept or computed again.
   * @param weights [tokens, topK]
   * @returns [tokens, hiddenSize]
   */
  applyCombined?(params: ParamTree, rows: Tensor, order: ExpertRows, weights: Tensor): Tensor;
}
