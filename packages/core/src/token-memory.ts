/**
 * What followed the same tokens in training text, mixed into a model's probabilities of the next token
 * (docs/method.md §3.4). It is read on the host: no tensor, no gradient.
 */
export interface TokenMemory {
  readonly contract: 'token-memory/1';
  readonly name: string;
  /** Begins a text. Texts do not know of each other. */
  start(): TokenMemoryReader;
}

/** A memory within one text. Log probabilities are natural logarithms in float64. */
export interface TokenMemoryReader {
  /** Reads a token that nobody predicts: what stands in front of a text, or a question. */
  skip(token: number): void;
  /**
   * Reads a predicted token.
   * @param logProb log P(token | prefix) of the model
   * @returns log P(token | prefix) of model and memory
   */
  read(token: number, logProb: number): number;
  /**
   * Gives log P of each possible next token of model and memory; reads nothing.
   * @param logProbs log P of each token of the vocabulary under the model; their sum is 1 in probability
   */
  mix(logProbs: Float64Array): Float64Array;
}
