import { quantile } from '../statistics/quantile.ts';
import type { MixtureDocumentScore } from './mixture.ts';

/** Probability of the base over the first tokens of the documents of one language. Index i: after i tokens. */
export interface PosteriorCurve {
  readonly language: string;
  readonly documents: number;
  /** Median and 10 % and 90 % quantiles over the documents. */
  readonly median: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * Posterior of the base over the first tokens, by language. A document shorter than `maxTokens` keeps its last value.
 */
export function posteriorCurves(scores: readonly MixtureDocumentScore[], maxTokens = 32): PosteriorCurve[] {
  const languages = [...new Set(scores.map(({ language }) => language))];
  return languages.map((language) => {
    const of = scores.filter((score) => score.language === language);
    const columns = Array.from({ length: maxTokens + 1 }, (_, i) =>
      of
        .map(({ basePosterior }) => basePosterior[Math.min(i, basePosterior.length - 1)]!)
        .sort((a, b) => a - b),
    );
    const line = (level: number): number[] => columns.map((column) => quantile(column, level));
    return { language, documents: of.length, median: line(0.5), low: line(0.1), high: line(0.9) };
  });
}

/** Tokens predicted by the base alone (weight exactly 1, as after a lock), of all tokens. By language code. */
export function baseOnlyShare(scores: readonly MixtureDocumentScore[]): Record<string, number> {
  const counts = new Map<string, { base: number; all: number }>();
  for (const { language, logProbs, basePosterior } of scores) {
    const count = counts.get(language) ?? { base: 0, all: 0 };
    counts.set(language, count);
    count.all += logProbs.length;
    for (let i = 0; i < logProbs.length; i++) if (basePosterior[i] === 1) count.base++;
  }
  return Object.fromEntries(
    [...counts].map(([language, { base, all }]) => [language, all === 0 ? 0 : base / all]),
  );
}
