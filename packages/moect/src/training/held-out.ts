import type { Document, Extension, HiddenStateSource, Scorer } from '@moect/core';
import { documentBytes } from '@moect/data';
import { bitsPerByte } from '@moect/eval';
import type { Base } from '../base/base.ts';
import { createBaseScorer, createScorer, rememberScores, type ScorerOptions } from '../evaluation/scorers.ts';
import type { TextTokens } from '../extension/extension-config.ts';
import type { LanguageText } from './pack-text.ts';
import type { EvaluationLanguage } from './run-input.ts';

/** Bits per byte of one language's held-out text. */
export interface HeldOutNumber {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: number;
  /** Under the base. */
  readonly before: number;
  /** Under base and extension, combined as in the preset. */
  readonly after: number;
}

export type HeldOutNumbers = readonly HeldOutNumber[];

export interface HeldOutEvaluation {
  /** For the training loop: bits per byte by language, under the current extension. */
  during(): Promise<Readonly<Record<string, number>>>;
  /** Results of the last `during`, with those of the base. */
  numbers(): Promise<HeldOutNumbers>;
}

/** Bytes of a language's text that are scored during training; `moect compare` scores all. */
const MAX_BYTES = 32_768;

function limited(documents: readonly Document[]): Document[] {
  const kept: Document[] = [];
  let bytes = 0;
  for (const document of documents) {
    bytes += documentBytes(document);
    if (kept.length > 0 && bytes > MAX_BYTES) break;
    kept.push(document);
  }
  return kept;
}

/** Text that a run is evaluated on: at most 32 KiB a language. */
export function heldOutLanguages(
  texts: readonly LanguageText[],
  evaluation?: readonly EvaluationLanguage[],
): EvaluationLanguage[] {
  const given = evaluation ?? texts.map(({ code, role, heldOut }) => ({ code, role, documents: heldOut }));
  return given
    .map(({ code, role, documents }) => ({ code, role, documents: limited(documents) }))
    .filter(({ documents }) => documents.length > 0);
}

async function byLanguage(
  languages: readonly EvaluationLanguage[],
  scorer: Scorer,
  signal?: AbortSignal,
): Promise<number[]> {
  const results: number[] = [];
  for (const { documents } of languages) {
    signal?.throwIfAborted();
    results.push(bitsPerByte(await scorer.score(documents)));
  }
  return results;
}

/** Models and text of the evaluation. */
export interface HeldOutOptions {
  readonly base: Base;
  readonly extension: Extension;
  readonly texts: readonly LanguageText[];
  readonly evaluation?: readonly EvaluationLanguage[] | undefined;
  /** Combination of the preset. */
  readonly combine: string;
  /** What stands in front of a text. */
  readonly tokens: TextTokens;
  readonly signal?: AbortSignal | undefined;
  readonly hiddenStates?: HiddenStateSource | undefined;
  /** Sizes of passes. Default: those of the scorer. */
  readonly passes?: Pick<ScorerOptions, 'window' | 'batchTokens'> | undefined;
}

/** Evaluation on the held-out text, or null if there is none. */
export function evaluateHeldOut(options: HeldOutOptions): HeldOutEvaluation | null {
  const { base, extension, texts, combine, tokens, signal, hiddenStates, passes } = options;
  const languages = heldOutLanguages(texts, options.evaluation);
  if (languages.length === 0) return null;
  const shared = {
    base,
    ...(signal && { signal }),
    ...(hiddenStates && { hiddenStates }),
    ...passes,
  };
  const baseScorer = rememberScores(createBaseScorer({ ...shared, prefixToken: tokens.prefixToken }));
  const info = { languages: texts.map(({ code, role }) => ({ code, role })), combine, tokens };
  const scorer = createScorer({ ...shared, packs: [{ name: 'extension', extension, info }], baseScorer });
  let last: number[] | null = null;
  return {
    async during() {
      // numbers of an earlier step must not stand for those of an evaluation that fails
      last = null;
      last = await byLanguage(languages, scorer, signal);
      return Object.fromEntries(languages.map(({ code }, i) => [`bpb_${code}`, last![i]!]));
    },
    async numbers() {
      const after = last ?? (await byLanguage(languages, scorer, signal));
      const before = await byLanguage(languages, baseScorer, signal);
      return languages.map(({ code, role, documents }, i) => {
        return { code, role, documents: documents.length, before: before[i]!, after: after[i]! };
      });
    },
  };
}
