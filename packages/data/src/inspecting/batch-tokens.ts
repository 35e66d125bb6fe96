import type { Batch, BatchSource } from '@moect/core';

export interface LanguageTokens {
  readonly code: string;
  /** Tokens without padding. */
  readonly tokens: number;
  /** Tokens that are predicted. */
  readonly targets: number;
  /** Share of all tokens in the batch, padding left out; 0 where there are none. */
  readonly share: number;
}

/** Tokens of each language in a batch, in the order of `languages`. */
export function batchTokens(batch: Batch, languages: BatchSource['languages']): LanguageTokens[] {
  const tokens = new Array<number>(languages.length).fill(0);
  const targets = new Array<number>(languages.length).fill(0);
  let total = 0;
  batch.languageIds.forEach((language, i) => {
    if (language < 0) return;
    total++;
    tokens[language]!++;
    if (batch.targets[i]! >= 0) targets[language]!++;
  });
  return languages.map(({ code }, i) => ({
    code,
    tokens: tokens[i]!,
    targets: targets[i]!,
    share: total === 0 ? 0 : tokens[i]! / total,
  }));
}
