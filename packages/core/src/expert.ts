import type { BaseFfn } from './feed-forward.ts';
import type { ParamTree, Rng, Tensor } from './tensor.ts';

export interface ExpertDims {
  readonly hiddenSize: number;
  readonly numExperts: number;
}

/** Where the rows of tokens lie that are grouped by expert. */
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
  /** The result is exactly 0 at the start. The branch then adds to the base: m = f + experts(z). Default false: m = experts(z). */
  readonly startsAtZero?: boolean;
  /**
   * Each expert is the base's FFN at the start. The branch is then the base where the weights of a token's experts sum
   * to 1, so that one of several copies is refused. Default false.
   */
  readonly copiesBase?: boolean;
  /** False: `init` reads no base FFN, so that a base which shows none can carry these experts. Default true. */
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
   * The results of `apply` brought back to their tokens: y[n] = Σⱼ weights[n, j] · results[inverse[n·topK + j]]. For
   * experts that can do so without keeping all results; where it is missing, they are kept or made again.
   * @param weights [tokens, topK]
   * @returns [tokens, hiddenSize]
   */
  applyCombined?(params: ParamTree, rows: Tensor, order: ExpertRows, weights: Tensor): Tensor;
}
