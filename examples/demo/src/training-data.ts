import type { Document, Tokenizer } from '@moect/core';
import { createBatchSource, type MixedBatchSource, packDocuments, tokenizeDocuments } from '@moect/data';
import type { DemoText } from './demo-text.ts';
import { TRAINING } from './method-runs.ts';

/** Training articles of the new languages, with a share of old text where the method wants replay. */
export async function trainingData(
  text: DemoText,
  tokenizer: Tokenizer,
  options: { readonly replayShare: number; readonly seed: number; readonly tokenizerId: string },
): Promise<MixedBatchSource> {
  const { replayShare, seed, tokenizerId } = options;
  const pack = async (documents: readonly Document[]): Promise<ReturnType<typeof packDocuments>> =>
    packDocuments(await tokenizeDocuments(tokenizer, documents), {
      sequenceLength: TRAINING.sequenceLength,
      bosTokenId: tokenizer.bosTokenId!,
    });
  const languages = [];
  for (const { code, train } of text.new) {
    languages.push({ code, role: 'new' as const, sequences: await pack(train) });
  }
  if (replayShare > 0) {
    for (const { code, replay } of text.old) {
      languages.push({ code, role: 'old' as const, sequences: await pack(replay) });
    }
  }
  return createBatchSource({
    languages,
    batchSize: TRAINING.batchSize,
    seed,
    tokenizerId,
    ...(replayShare > 0 && { replay: { share: replayShare } }),
  });
}
