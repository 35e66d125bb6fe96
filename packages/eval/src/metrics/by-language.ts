import type { DocumentScore } from '@moect/core';
import { bitsPerByte, bytePerplexity, bytesPerToken } from './corpus-metrics.ts';
import { corpusTotals } from './corpus-totals.ts';

export interface LanguageScores {
  readonly language: string;
  readonly documents: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly bitsPerByte: number;
  readonly bytePerplexity: number;
  readonly bytesPerToken: number;
}

/** Items by language code, in the order in which languages first appear. */
export function groupByLanguage<T extends { readonly language: string }>(
  items: readonly T[],
): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.language);
    if (group === undefined) groups.set(item.language, [item]);
    else group.push(item);
  }
  return groups;
}

/** One row a language. Throws InvalidConfigError for a language without any text. */
export function scoresByLanguage(scores: readonly DocumentScore[]): LanguageScores[] {
  return [...groupByLanguage(scores)].map(([language, group]) => {
    const { documents, bytes, tokens } = corpusTotals(group);
    return {
      language,
      documents,
      bytes,
      tokens,
      bitsPerByte: bitsPerByte(group),
      bytePerplexity: bytePerplexity(group),
      bytesPerToken: bytesPerToken(group),
    };
  });
}
