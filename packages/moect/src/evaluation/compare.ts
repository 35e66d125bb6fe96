import type { Scorer } from '@moect/core';
import type { PrefixToken } from '@moect/data';
import { type ComparisonRole, compare as compareScores } from '@moect/eval';
import type { Report } from '@moect/report';
import type { Base } from '../base/base.ts';
import type { Pack } from '../extension/pack.ts';
import { checkBase, checkOptions, checkPacks } from '../front-door-checks.ts';
import type { ScoringPlan } from '../planning/plan-scoring.ts';
import type { HiddenStateFolder } from '../platform/platform.ts';
import type { TextsByLanguage } from '../training/train.ts';
import { buildReport } from './build-report.ts';
import { checkBound } from './check-bound.ts';
import { type EvaluatedText, type EvaluationSettings, evaluatedTexts } from './evaluated-texts.ts';
import type { PackComparison } from './pack-comparison.ts';
import { planScores } from './plan-scores.ts';
import {
  createBaseScorer,
  createScorer,
  prefixTokenOf,
  rememberScores,
  resolveCombine,
  type ScorerOptions,
} from './scorers.ts';
import { withHiddenStates } from './with-hidden-states.ts';

export interface CompareOptions
  extends Partial<Pick<ScorerOptions, 'combine' | 'gateThreshold' | 'signal'>>,
    Pick<EvaluationSettings, 'data'> {
  /** Languages that the base knows, beside those that the packs replayed. */
  readonly old?: readonly string[];
  /** Largest relative change of an old language that counts as kept, for example 0.005. */
  readonly maxForgetting?: number;
  /** Draws of the bootstrap. Default 2,000. */
  readonly resamples?: number;
  /** Cache of the hidden states below the packs, rounded to bf16. Default: none. */
  readonly cache?: HiddenStateFolder;
  /** Called while base and packs are scored, with the name of the one and the share that is done, 0 … 1. */
  readonly onProgress?: (what: string, share: number) => void;
  /** Called once, before anything is scored, with the plan; the work waits for it. */
  readonly onReady?: (plan: ScoringPlan) => void | Promise<void>;
}

/** The old language with the largest relative change. */
export interface WorstLanguage {
  /** Name of the pack. */
  readonly pack: string;
  readonly language: string;
  /** Relative change of bits per byte; above 0 is forgetting. */
  readonly relativeChange: number;
  readonly relativeCi95: readonly [number, number];
}

export interface PacksComparison {
  /** null where no old language was measured. */
  readonly worst: WorstLanguage | null;
  readonly packs: readonly PackComparison[];
  readonly texts: readonly EvaluatedText[];
  /** What was left out or changed while reading and why, and what looks wrong. */
  readonly notes: readonly string[];
  /** `report.json` of the comparison; also proves the mixture's bound on every document. */
  report(): Promise<Report>;
}

const OPTIONS = [
  'combine',
  'gateThreshold',
  'signal',
  'old',
  'maxForgetting',
  'resamples',
  'cache',
  'onProgress',
  'data',
  'onReady',
];

function worstOf(packs: readonly PackComparison[]): WorstLanguage | null {
  const each = packs.flatMap(({ pack, comparison }) => {
    const { retention, languages } = comparison;
    const row = languages.find(({ language }) => language === retention?.worstLanguage);
    if (row === undefined) return [];
    const { language, relativeChange, relativeCi95 } = row;
    return [{ pack: pack.name, language, relativeChange, relativeCi95 }];
  });
  return each.toSorted((a, b) => b.relativeChange - a.relativeChange)[0] ?? null;
}

/**
 * Retention, gain and transfer of each pack against the base, on text that neither was trained on, with 95 % intervals.
 * Throws InvalidConfigError, CorruptDataError, NonFiniteError, and the signal's reason when it is aborted.
 */
export async function compare(
  base: Base,
  packs: readonly Pack[],
  heldOut: TextsByLanguage,
  options: CompareOptions = {},
): Promise<PacksComparison> {
  checkBase('compare', base);
  checkPacks('compare', packs);
  checkOptions('compare', options, OPTIONS);
  const begin = performance.now();
  const { old, data } = options;
  const { texts, notes } = await evaluatedTexts(heldOut, packs, base.platform, { old, data });
  checkBound(options.maxForgetting, packs, texts);
  for (const pack of packs) resolveCombine(base, [pack], options.combine);
  const plan = await planScores(base, packs, texts);
  await options.onReady?.(plan);
  const { window, batchTokens } = plan;
  const baseSha256 = await base.heldSha256();
  const compared = await withHiddenStates(base, packs, options.cache, (start) =>
    comparePacks(base, packs, texts, options, { ...start, window, batchTokens }),
  );
  const seconds = (performance.now() - begin) / 1000;
  return {
    worst: worstOf(compared),
    packs: compared,
    texts,
    notes,
    report: () => {
      const { gateThreshold } = options;
      return buildReport({ base, baseSha256, texts, notes, comparisons: compared, seconds, gateThreshold });
    },
  };
}

async function comparePacks(
  base: Base,
  packs: readonly Pack[],
  texts: readonly EvaluatedText[],
  options: CompareOptions,
  start: Pick<ScorerOptions, 'hiddenStates' | 'window' | 'batchTokens'>,
): Promise<PackComparison[]> {
  const { signal, onProgress, gateThreshold } = options;
  const documents = texts.flatMap((text) => text.documents);
  const roles: Record<string, ComparisonRole> = Object.fromEntries(
    texts.map(({ code, role }) => [code, role]),
  );
  const shared = { base, ...start, ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const baseScorers = new Map<PrefixToken, Scorer>();
  const baseScorerFor = (prefixToken: PrefixToken): Scorer => {
    const scorer =
      baseScorers.get(prefixToken) ?? rememberScores(createBaseScorer({ ...shared, prefixToken }));
    baseScorers.set(prefixToken, scorer);
    return scorer;
  };
  onProgress?.('base', 0);
  const results: PackComparison[] = [];
  for (const pack of packs) {
    // base and pack read the same tokens: those that the pack was trained on
    const baseScorer = baseScorerFor(prefixTokenOf(base, [pack]));
    const before = await baseScorer.score(documents);
    onProgress?.(pack.name, 0);
    const combine = resolveCombine(base, [pack], options.combine);
    const threshold = gateThreshold === undefined ? {} : { gateThreshold };
    const scorer = createScorer({ ...shared, ...threshold, packs: [pack], combine, baseScorer });
    const scores = await scorer.score(documents);
    const comparison = compareScores({
      before,
      after: scores,
      roles,
      ...(options.maxForgetting !== undefined && { bound: options.maxForgetting }),
      ...(options.resamples !== undefined && { resamples: options.resamples }),
    });
    results.push({ pack, combine, comparison, scores, baseScores: before });
  }
  return results;
}
