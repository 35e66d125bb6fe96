import { type LanguageScores, scoresByLanguage } from '@moect/eval';
import type { Base } from '../base/base.ts';
import { checkBase, checkOptions, checkPacks } from '../front-door-checks.ts';
import { GATE } from '../parts/moect.ts';
import type { ScoringPlan } from '../planning/plan-scoring.ts';
import type { HiddenStateFolder } from '../platform/platform.ts';
import type { TextsByLanguage } from '../training/train.ts';
import { type EvaluatedText, type EvaluationSettings, evaluatedTexts } from './evaluated-texts.ts';
import { planScores } from './plan-scores.ts';
import { createScorer, resolveCombine, type ScorerOptions } from './scorers.ts';
import { withHiddenStates } from './with-hidden-states.ts';

export interface EvaluateOptions
  extends Partial<Pick<ScorerOptions, 'packs' | 'combine' | 'gateThreshold' | 'signal' | 'onProgress'>>,
    Pick<EvaluationSettings, 'data'> {
  /** Languages that the base knows, beside those that the packs replayed: their role is `old`. */
  readonly old?: readonly string[];
  /** Cache of the hidden states below the packs, rounded to bf16. Default: none. */
  readonly cache?: HiddenStateFolder;
  /** Called once, before anything is scored, with the plan; the work waits for it. */
  readonly onReady?: (plan: ScoringPlan) => void | Promise<void>;
}

const OPTIONS = [
  'packs',
  'combine',
  'gateThreshold',
  'signal',
  'onProgress',
  'old',
  'cache',
  'onReady',
  'data',
];

export interface LanguageResult extends LanguageScores {
  readonly role: EvaluatedText['role'];
}

export interface Evaluation {
  /** Scored model: `base`, a pack, or a combination. */
  readonly name: string;
  /** Most tokens that a window read: the base's context, or as many as fit into memory. */
  readonly window: number;
  /** Bits per byte and related measures, one row per language. */
  readonly languages: readonly LanguageResult[];
  /** What was left out or changed while reading and why, and what looks wrong. */
  readonly notes: readonly string[];
}

/**
 * Scores text under a base, alone or with packs: each document by itself, every token once.
 * Throws InvalidConfigError, CorruptDataError, NonFiniteError, and the signal's reason when it is aborted.
 */
export async function evaluate(
  base: Base,
  texts: TextsByLanguage,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkBase('evaluate', base);
  checkOptions('evaluate', options, OPTIONS);
  const { packs = [], cache, old, onReady, data, ...scoring } = options;
  checkPacks('evaluate', packs);
  const read = await evaluatedTexts(texts, packs, base.platform, { old, data });
  resolveCombine(base, packs, packs.length === 0 ? GATE : scoring.combine);
  const plan = await planScores(base, packs, read.texts);
  await onReady?.(plan);
  const { window, batchTokens } = plan;
  return withHiddenStates(base, packs, cache, async (start) => {
    const scorer = createScorer({ base, packs, ...scoring, ...start, window, batchTokens });
    const languages: LanguageResult[] = [];
    for (const { role, documents } of read.texts) {
      for (const scores of scoresByLanguage(await scorer.score(documents)))
        languages.push({ ...scores, role });
    }
    return { name: scorer.name, window, languages, notes: read.notes };
  });
}
