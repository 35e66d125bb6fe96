import type { DocumentScore } from '@moect/core';

/** A document of `bytes` bytes that costs `bitsPerByte` bits each. */
export function scoreOf(id: string, language: string, bytes: number, bitsPerByte: number): DocumentScore {
  return { id, language, bytes, logProbs: Float64Array.of(-bitsPerByte * bytes * Math.LN2) };
}

/** The same documents, each costing `factor` times as much. */
export function scaled(
  scores: readonly DocumentScore[],
  factor: number | ((id: string) => number),
): DocumentScore[] {
  return scores.map((score) => {
    const by = typeof factor === 'number' ? factor : factor(score.id);
    return { ...score, logProbs: score.logProbs.map((logProb) => logProb * by) };
  });
}
