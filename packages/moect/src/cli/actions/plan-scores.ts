import { evaluatedTexts } from '../../evaluation/evaluated-texts.ts';
import { planScores } from '../../evaluation/plan-scores.ts';
import { formatScoringPlan } from '../../planning/format.ts';
import type { TextsByLanguage } from '../../training/train.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { OpenModels } from '../load-models.ts';

/** Runs `moect eval --plan` and `moect compare --plan`: scores nothing but one pass of made-up text. */
export async function planCommand(
  { base, packs }: OpenModels,
  texts: TextsByLanguage,
  json: boolean,
  io: Io,
): Promise<number> {
  const plan = await planScores(base, packs, await evaluatedTexts(texts, packs, base.platform));
  io.out(json ? `${JSON.stringify(plan, null, 2)}\n` : formatScoringPlan(plan, packs.length + 1));
  return EXIT.ok;
}
