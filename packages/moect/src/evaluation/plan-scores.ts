import type { Base } from '../base/base.ts';
import { planScoring, type ScoringPlan } from '../planning/plan-scoring.ts';
import type { EvaluatedText } from './evaluated-texts.ts';
import type { UsedPack } from './scorers.ts';

/** The plan of scoring texts under a base, or under packs of it, and the options that follow from it. */
export async function planScores(
  { model, tokenizer }: Pick<Base, 'model' | 'tokenizer'>,
  packs: readonly Pick<UsedPack, 'extension'>[],
  texts: readonly EvaluatedText[],
): Promise<ScoringPlan> {
  const documents = texts.flatMap((text) => text.documents);
  const extensions = packs.map(({ extension }) => extension);
  return planScoring({ base: model, tokenizer, extensions, documents });
}
