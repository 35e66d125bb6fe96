export interface CombinationMember {
  /** `base` or the pack's name. */
  readonly name: string;
  /** Codes of the languages that this member serves. */
  readonly languages: readonly string[];
}

/**
 * Combines base and packs per document (docs/method.md §4). Member 0 is the base.
 * Log weights are natural logarithms in float64 and sum to one in probability.
 */
export interface Combination {
  readonly contract: 'combination/1';
  readonly name: string;
  /** True: `start` receives the document's language and chooses by it. Default false. */
  readonly readsLanguage?: boolean;
  /** Log weights before the first token. Throws NoSuchComponentError for an unknown language. */
  start(members: readonly CombinationMember[], language?: string): Float64Array;
  /**
   * Log weights after one token.
   * @param tokenLogProbs log P_i(token | prefix) of each member, nats
   */
  update(logWeights: Float64Array, tokenLogProbs: readonly number[]): Float64Array;
}
