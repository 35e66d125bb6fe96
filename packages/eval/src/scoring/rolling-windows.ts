/** One forward pass over a part of a document. The sequence is the prefix token, then the n tokens. */
export interface RollingWindow {
  /** Index of the first input in that sequence; 0 is the prefix token. */
  readonly start: number;
  /** Number of inputs, at most `maxLength`. */
  readonly length: number;
  /** The last `scored` inputs each predict a token that no other window predicts. */
  readonly scored: number;
}

/**
 * Disjoint windows as lm-evaluation-harness' `loglikelihood_rolling` makes them with context_len 1: the first predicts
 * up to `maxLength` tokens from the prefix alone; each later one predicts the next up to `maxLength` tokens, and a
 * partial last one is filled up with as much left context as fits. Every token is predicted exactly once.
 * @param numTokens n, without the prefix token
 */
export function rollingWindows(numTokens: number, maxLength: number): RollingWindow[] {
  const windows: RollingWindow[] = [];
  for (let predicted = 0; predicted < numTokens; ) {
    const scored = Math.min(numTokens - predicted, maxLength);
    const start = Math.max(0, predicted + scored - maxLength);
    // the first window has nothing but the prefix on its left
    const first = predicted === 0 ? 0 : start;
    windows.push({ start: first, length: predicted + scored - first, scored });
    predicted += scored;
  }
  return windows;
}
