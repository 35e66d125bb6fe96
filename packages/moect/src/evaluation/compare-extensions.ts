import type { DocumentScore, HiddenStateSource } from '@moect/core';
import { type Comparison, type ComparisonRole, compare } from '@moect/eval';
import type { LoadedBase } from '../base/describe-base.ts';
import type { LoadedExtension } from '../extension/load-extension.ts';
import type { CombineName } from '../presets/preset.ts';
import {
  createBaseScorer,
  createCombinedScorer,
  rememberScores,
  resolveCombine,
  type ScoredExtension,
} from './combined-scorer.ts';
import type { EvaluatedText } from './read-texts.ts';

export interface CompareExtensionsOptions {
  readonly base: LoadedBase;
  /** Each is compared with the base on its own. */
  readonly extensions: readonly (LoadedExtension & Pick<ScoredExtension, 'gateThreshold'>)[];
  readonly texts: readonly EvaluatedText[];
  /** Default: what each extension was made for. */
  readonly combine?: CombineName;
  /** Largest relative change of an old language that counts as kept, for example 0.005. */
  readonly maxForgetting?: number;
  /** Draws of the bootstrap. Default 2,000. */
  readonly resamples?: number;
  readonly signal?: AbortSignal;
  /** What all passes begin with; rounded to bf16. Default: the tokens. */
  readonly hiddenStates?: HiddenStateSource;
  /** Told before each extension is scored. */
  readonly onProgress?: (what: string) => void;
}

export interface ExtensionComparison {
  readonly extension: LoadedExtension & Pick<ScoredExtension, 'gateThreshold'>;
  readonly combine: CombineName;
  readonly comparison: Comparison;
  readonly scores: readonly DocumentScore[];
  /** Of the base, on the same documents. */
  readonly baseScores: readonly DocumentScore[];
}

/**
 * Retention, gain and transfer of each extension against the base, with intervals.
 * Throws InvalidConfigError, NonFiniteError, and the signal's reason when it is aborted.
 */
export async function compareExtensions(options: CompareExtensionsOptions): Promise<ExtensionComparison[]> {
  const { base, texts, signal, onProgress, hiddenStates } = options;
  const documents = texts.flatMap((text) => text.documents);
  const roles: Record<string, ComparisonRole> = Object.fromEntries(
    texts.map(({ code, role }) => [code, role]),
  );
  const shared = { base, ...(signal && { signal }), ...(hiddenStates && { hiddenStates }) };
  const baseScorer = rememberScores(createBaseScorer(shared));
  onProgress?.('base');
  const before = await baseScorer.score(documents);
  const results: ExtensionComparison[] = [];
  for (const extension of options.extensions) {
    onProgress?.(extension.name);
    const combine = resolveCombine([extension], options.combine);
    const scorer = createCombinedScorer({ ...shared, extensions: [extension], combine, baseScorer });
    const scores = await scorer.score(documents);
    const comparison = compare({
      before,
      after: scores,
      roles,
      ...(options.maxForgetting !== undefined && { bound: options.maxForgetting }),
      ...(options.resamples !== undefined && { resamples: options.resamples }),
    });
    results.push({ extension, combine, comparison, scores, baseScores: before });
  }
  return results;
}
