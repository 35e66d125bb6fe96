import type { DocumentScore } from '@moect/core';
import { documentNats } from '../metrics/corpus-totals.ts';

/** The document of one language that lost most, in bits. Pairs by id. */
export function worstDocument(
  before: readonly DocumentScore[],
  after: readonly DocumentScore[],
): { id: string; bits: number } {
  const nats = new Map(after.map((score) => [score.id, documentNats(score)]));
  let worst = { id: '', bits: Number.NEGATIVE_INFINITY };
  for (const score of before) {
    const bits = (nats.get(score.id)! - documentNats(score)) / Math.LN2;
    if (bits > worst.bits) worst = { id: score.id, bits };
  }
  return worst;
}
