import type { Document, Extension, HiddenStateSource, Scorer } from '@moect/core';
import { bitsPerByte } from '@moect/eval';
import type { LoadedBase } from '../base/describe-base.ts';
import type { ResolvedRun } from '../config/resolved-run.ts';
import { createBaseScorer, createCombinedScorer, rememberScores } from '../evaluation/combined-scorer.ts';
import type { LanguageText } from './pack-text.ts';
import { readText } from './prepare-data.ts';

/** Bits per byte of one language's held-out text. */
export interface HeldOutNumber {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: number;
  /** Under the base. */
  readonly before: number;
  /** Under base and extension, combined as the preset says. */
  readonly after: number;
}

export type HeldOutNumbers = readonly HeldOutNumber[];

export interface HeldOutEvaluation {
  /** For the training loop: bits per byte by language, under the extension as it is. */
  during(): Promise<Record<string, number>>;
  /** Of the last `during`, beside the base. */
  numbers(): Promise<HeldOutNumbers>;
}

interface HeldOutLanguage {
  readonly code: string;
  readonly role: HeldOutNumber['role'];
  readonly documents: readonly Document[];
}

/** Bytes of a language's text that are scored during training; `moect compare` scores all. */
const MAX_BYTES = 32_768;

function limited(documents: readonly Document[]): Document[] {
  const kept: Document[] = [];
  let bytes = 0;
  for (const document of documents) {
    bytes += Buffer.byteLength(document.text);
    if (kept.length > 0 && bytes > MAX_BYTES) break;
    kept.push(document);
  }
  return kept;
}

async function heldOutLanguages(
  run: ResolvedRun,
  texts: readonly LanguageText[],
): Promise<HeldOutLanguage[]> {
  const languages: HeldOutLanguage[] = [];
  if (run.evaluation === null) {
    for (const { code, role, heldOut } of texts) languages.push({ code, role, documents: limited(heldOut) });
  } else {
    for (const language of run.evaluation.languages) {
      const documents = limited(await readText(language, run.data));
      languages.push({ code: language.code, role: language.role, documents });
    }
  }
  return languages.filter(({ documents }) => documents.length > 0);
}

async function byLanguage(
  languages: readonly HeldOutLanguage[],
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

/** Evaluation on the held-out text, or null where there is none. */
export async function evaluateHeldOut(
  run: ResolvedRun,
  base: LoadedBase,
  extension: Extension,
  texts: readonly LanguageText[],
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly hiddenStates?: HiddenStateSource | undefined;
  },
): Promise<HeldOutEvaluation | null> {
  const { signal, hiddenStates } = options;
  const languages = await heldOutLanguages(run, texts);
  if (languages.length === 0) return null;
  const shared = { base, ...(signal && { signal }), ...(hiddenStates && { hiddenStates }) };
  const baseScorer = rememberScores(createBaseScorer(shared));
  const info = { languages: run.languages.map(({ code, role }) => ({ code, role })), combine: run.combine };
  const extensions = [{ name: run.preset, extension, info }];
  const scorer = createCombinedScorer({ ...shared, extensions, baseScorer });
  let last: number[] | null = null;
  return {
    async during() {
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
