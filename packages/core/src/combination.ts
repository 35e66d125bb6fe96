export interface CombinationMember {
  /** `base` or the pack's name. */
  readonly name: string;
  /** Language codes that this member is for. */
  readonly languages: readonly string[];
}

/**
 * How base and packs meet at document level (docs/method.md §4). Member 0 is the base.
 * Log weights are natural logarithms in float64 and sum to one in probability.
 */
export interface Combination {
  readonly contract: 'combination/1';
  readonly name: string;
  /** True: `start` chooses by the document's language, and is given it. Default false. */
  readonly readsLanguage?: boolean;
  /** Log weights before the first token. Throws NoSuchComponentError for an unknown language. */
  start(members: readonly CombinationMember[], language?: string): Float64Array;
  /**
   * Log weights after one token.
   * @param tokenLogProbs log P_i(token | prefix) of each member, nats
   */
  update(logWeights: Float64Array, tokenLogProbs: readonly number[]): Float64Array;
}
