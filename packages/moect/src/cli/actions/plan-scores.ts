import { checkBound } from '../../evaluation/check-bound.ts';
import { evaluatedTexts } from '../../evaluation/evaluated-texts.ts';
import { planScores } from '../../evaluation/plan-scores.ts';
import { formatScoringPlan } from '../../planning/format.ts';
import type { TextsByLanguage } from '../../training/train.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { OpenModels } from '../load-models.ts';

/** What would be scored. */
export interface ScoringRequest {
  readonly texts: TextsByLanguage;
  readonly old: readonly string[];
  readonly maxForgetting?: number | undefined;
  readonly json: boolean;
}

/** Runs `moect eval --plan` and `moect compare --plan`: scores nothing but one pass of made-up text. */
export async function planCommand(
  { base, packs }: OpenModels,
  { texts, old, maxForgetting, json }: ScoringRequest,
  io: Io,
): Promise<number> {
  const read = await evaluatedTexts(texts, packs, base.platform, old);
  checkBound(maxForgetting, packs, read);
  const plan = await planScores(base, packs, read);
  io.out(json ? `${JSON.stringify(plan, null, 2)}\n` : formatScoringPlan(plan, packs.length + 1));
  return EXIT.ok;
}
