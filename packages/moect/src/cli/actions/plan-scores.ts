import { checkBound } from '../../evaluation/check-bound.ts';
import { type EvaluationSettings, evaluatedTexts } from '../../evaluation/evaluated-texts.ts';
import { planScores } from '../../evaluation/plan-scores.ts';
import { formatScoringPlan } from '../../planning/format.ts';
import type { TextsByLanguage } from '../../training/train.ts';
import { EXIT } from '../exit-codes.ts';
import { type Io, noteLines } from '../io.ts';
import type { OpenModels } from '../load-models.ts';

/** What would be scored. */
export interface ScoringRequest extends Pick<EvaluationSettings, 'data'> {
  readonly texts: TextsByLanguage;
  readonly old: readonly string[];
  readonly maxForgetting?: number | undefined;
  readonly json: boolean;
}

/** Runs `moect eval --plan` and `moect compare --plan`: scores nothing but one pass of made-up text. */
export async function planCommand(
  { base, packs }: OpenModels,
  { texts: given, old, data, maxForgetting, json }: ScoringRequest,
  io: Io,
): Promise<number> {
  const { texts, notes } = await evaluatedTexts(given, packs, base.platform, { old, data });
  io.err(noteLines(notes));
  checkBound(maxForgetting, packs, texts);
  const plan = await planScores(base, packs, texts);
  io.out(json ? `${JSON.stringify(plan, null, 2)}\n` : formatScoringPlan(plan, packs.length + 1));
  return EXIT.ok;
}
