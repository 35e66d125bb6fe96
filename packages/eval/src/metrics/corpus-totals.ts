import { type DocumentScore, InvalidConfigError } from '@moect/core';

/** Sums over documents; every corpus-level metric is a ratio of two of them. */
export interface CorpusTotals {
  readonly documents: number;
  /** −Σ log P, nats. */
  readonly nats: number;
  readonly bytes: number;
  readonly tokens: number;
}

export function documentNats({ logProbs }: DocumentScore): number {
  let nats = 0;
  for (let i = 0; i < logProbs.length; i++) nats -= logProbs[i]!;
  return nats;
}

export function corpusTotals(scores: readonly DocumentScore[]): CorpusTotals {
  let [nats, bytes, tokens] = [0, 0, 0];
  for (const score of scores) {
    nats += documentNats(score);
    bytes += score.bytes;
    tokens += score.logProbs.length;
  }
  return { documents: scores.length, nats, bytes, tokens };
}

/** Throws InvalidConfigError where there is nothing to divide by. */
export function ratio(numerator: number, denominator: number, metric: string, unit: string): number {
  if (denominator > 0) return numerator / denominator;
  throw new InvalidConfigError(
    metric,
    [{ path: 'scores', message: `hold no ${unit}` }],
    'Score at least one document that is not empty.',
  );
}
