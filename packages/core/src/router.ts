import type { ParamTree, Rng, Tensor } from './tensor.ts';

export interface RouterDims {
  readonly hiddenSize: number;
  readonly numExperts: number;
}

export interface RouteContext {
  readonly training: boolean;
  /** [tokens] float32, 1 for a real token and 0 for padding. Padding counts in no loss and no load. */
  readonly paddingMask?: Tensor;
  /** [tokens] int32, number of the token's language in the batch's language list. */
  readonly languageIds?: Tensor;
  /**
   * Random stream of this call, in training only: a noisy router draws from nothing else. The same step of the same run
   * gives the same numbers, also after a resume and in recomputation. Code inside `recompute` or `remake` must fork the
   * stream there, because drawing advances it.
   */
  readonly rng?: Rng;
}

export interface RoutingResult {
  /** [tokens, topK] int32, descending by score. Data: no gradient flows through it. */
  readonly expertIndices: Tensor;
  /** [tokens, topK] float32, differentiable. */
  readonly expertWeights: Tensor;
  /** [tokens, numExperts] float32. */
  readonly logits: Tensor;
  /** [numExperts] float32: assignments without padding. */
  readonly tokensPerExpert: Tensor;
  /** Scalars, already weighted, to be added to the training loss. */
  readonly auxLosses: Readonly<Record<string, Tensor>>;
}

/**
 * Sends each token to experts. A router keeps no state between calls.
 * A router of your own is an object of this type; run `testRouter` of `@moect/router/testing` on it.
 */
export interface Router {
  readonly contract: 'router/1';
  readonly name: string;
  /** Experts per token. */
  readonly topK: number;
  init(rng: Rng, dims: RouterDims): ParamTree;
  /** @param hidden [tokens, hiddenSize] float32 */
  route(params: ParamTree, hidden: Tensor, context: RouteContext): RoutingResult;
}
