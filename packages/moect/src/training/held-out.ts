import type { Document, Extension, HiddenStateSource, Scorer, TokenMemory } from '@moect/core';
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
  /** For the training loop: bits per byte by language, under the current extension after `step` steps. */
  during(step: number): Promise<Record<string, number>>;
  /**
   * Rank of such results, lower is better: bits per byte of the new languages as shares of the base's, on average; results
   * with an old language beyond {@link RETENTION_BOUND} come after all others.
   */
  rank(results: Readonly<Record<string, number>>): number;
  /** Numbers of the current extension, which has the weights of `step`, with those of the base. */
  numbers(step: number): Promise<HeldOutNumbers>;
}

/** Largest relative change of an old language with which an evaluation counts as retaining. */
export const RETENTION_BOUND = 0.01;

/** More than any share of the base's bits per byte. */
const BEYOND_BOUND = 1e6;

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

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function rankOf(
  languages: readonly EvaluationLanguage[],
  before: readonly number[],
  after: readonly number[],
): number {
  const shares = after.map((value, i) => value / before[i]!);
  const of = (role: string): number[] => shares.filter((_, i) => languages[i]!.role === role);
  const [fresh, old] = [of('new'), of('old')];
  const isRetained = old.every((share) => share - 1 <= RETENTION_BOUND);
  return (fresh.length === 0 ? mean(shares) : mean(fresh)) + (isRetained ? 0 : BEYOND_BOUND);
}

/** Models and text of the evaluation. */
export interface HeldOutOptions {
  readonly base: Base;
  readonly extension: Extension;
  readonly memory: TokenMemory | null;
  readonly texts: readonly LanguageText[];
  readonly evaluation?: readonly EvaluationLanguage[] | undefined;
  /** Combination of the preset. */
  readonly combine: string;
  /** What stands in front of a text. */
  readonly tokens: TextTokens;
  readonly signal?: AbortSignal | undefined;
  readonly hiddenStates?: HiddenStateSource | undefined;
  readonly onProgress?: ScorerOptions['onProgress'] | undefined;
  /** Sizes of passes. Default: those of the scorer. */
  readonly passes?: Pick<ScorerOptions, 'window' | 'batchTokens'> | undefined;
}

/** Evaluation on the held-out text, or null if there is none. */
export function evaluateHeldOut(options: HeldOutOptions): HeldOutEvaluation | null {
  const { base, extension, memory, texts, combine, tokens } = options;
  const { signal, hiddenStates, onProgress, passes } = options;
  const languages = heldOutLanguages(texts, options.evaluation);
  if (languages.length === 0) return null;
  const shared = {
    base,
    ...(signal && { signal }),
    ...(hiddenStates && { hiddenStates }),
    ...(onProgress && { onProgress }),
    ...passes,
  };
  const baseScorer = rememberScores(createBaseScorer({ ...shared, prefixToken: tokens.prefixToken }));
  const info = { languages: texts.map(({ code, role }) => ({ code, role })), combine, tokens };
  const packs = [{ name: 'extension', extension, memory, info }];
  const scorer = createScorer({ ...shared, packs, baseScorer });
  const known = new Map<number, number[]>();
  let before: number[] | null = null;
  return {
    async during(step) {
      before ??= await byLanguage(languages, baseScorer, signal);
      const after = await byLanguage(languages, scorer, signal);
      known.set(step, after);
      return Object.fromEntries(languages.map(({ code }, i) => [`bpb_${code}`, after[i]!]));
    },
    rank(results) {
      const after = languages.map(({ code }) => results[`bpb_${code}`]!);
      return before === null ? Number.NaN : rankOf(languages, before, after);
    },
    async numbers(step) {
      const after = known.get(step) ?? (await byLanguage(languages, scorer, signal));
      before ??= await byLanguage(languages, baseScorer, signal);
      return languages.map(({ code, role, documents }, i) => {
        return { code, role, documents: documents.length, before: before![i]!, after: after[i]! };
      });
    },
  };
}
