import type { Scorer } from '@moect/core';
import { type LanguageScores, scoresByLanguage } from '@moect/eval';
import type { EvaluatedText } from './read-texts.ts';

export interface LanguageResult extends LanguageScores {
  readonly role: EvaluatedText['role'];
}

/** Bits per byte and their like, one row a language. Throws InvalidConfigError and NonFiniteError. */
export async function evaluateText(
  scorer: Scorer,
  texts: readonly EvaluatedText[],
): Promise<LanguageResult[]> {
  const results: LanguageResult[] = [];
  for (const { role, documents } of texts) {
    for (const scores of scoresByLanguage(await scorer.score(documents))) results.push({ ...scores, role });
  }
  return results;
}
