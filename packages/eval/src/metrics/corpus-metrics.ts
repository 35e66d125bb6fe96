import type { DocumentScore } from '@moect/core';
import type { ScoredDocument } from '../scoring/create-scorer.ts';
import { corpusTotals, ratio } from './corpus-totals.ts';

type Compute = (scores: readonly DocumentScore[]) => number;

/** −Σ ll / (ln 2 · Σ bytes): a ratio of sums (docs/metrics.md §1). Lower is better. Throws InvalidConfigError. */
export const bitsPerByte: Compute = (scores) => {
  const { nats, bytes } = corpusTotals(scores);
  return ratio(nats / Math.LN2, bytes, 'bitsPerByte', 'bytes');
};

/** 2^BPB, as lm-evaluation-harness' `byte_perplexity`. */
export const bytePerplexity: Compute = (scores) => 2 ** bitsPerByte(scores);

/** UTF-8 bytes a token: how well the tokenizer fits. The higher, the shorter the sequences. */
export const bytesPerToken: Compute = (scores) => {
  const { bytes, tokens } = corpusTotals(scores);
  return ratio(bytes, tokens, 'bytesPerToken', 'tokens');
};

/** exp(−Σ ll / Σ words), as lm-evaluation-harness' `word_perplexity`. Throws InvalidConfigError. */
export function wordPerplexity(scores: readonly ScoredDocument[]): number {
  const words = scores.reduce((sum, score) => sum + score.words, 0);
  return Math.exp(ratio(corpusTotals(scores).nats, words, 'wordPerplexity', 'words'));
}
