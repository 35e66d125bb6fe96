import type { BatchSource, Document } from '@moect/core';
import {
  createBatchSource,
  type MixedLanguage,
  type PackedSequences,
  packDocuments,
  prefixTokenId,
  splitDocuments,
  tokenizeDocuments,
} from '@moect/data';
import type { LoadedBase } from '../base/describe-base.ts';
import type { RunLanguage, RunPlan } from '../config/resolved-run.ts';
import type { BatchPlan } from './plan-batches.ts';

export interface LanguageText {
  readonly code: string;
  readonly role: 'new' | 'old';
  readonly train: readonly Document[];
  /** Kept out of training. */
  readonly heldOut: readonly Document[];
}

/** Of one language, as trained on. */
export interface LanguageSummary {
  readonly code: string;
  readonly role: 'new' | 'old';
  readonly documents: number;
  readonly heldOutDocuments: number;
  readonly tokens: number;
  /** Text bytes a token: low where the tokenizer hardly knows the script. */
  readonly bytesPerToken: number;
}

/** All languages as packed sequences. */
export interface PackedText {
  readonly languages: readonly MixedLanguage[];
  readonly summaries: readonly LanguageSummary[];
  /** Sequences of all new languages: one epoch. */
  readonly newSequences: number;
}

/** Keeps a share of the documents out of training. */
export function splitLanguage(
  { code, role }: Pick<LanguageText, 'code' | 'role'>,
  documents: readonly Document[],
  heldOut: number,
): LanguageText {
  const { splits } = splitDocuments(documents, { seed: 0, dev: heldOut, test: 0 });
  // a text of very few documents may end on one side
  const isOneSided = splits.train.length === 0;
  return {
    code,
    role,
    train: isOneSided ? splits.dev : splits.train,
    heldOut: isOneSided ? [] : splits.dev,
  };
}

function weightsOf(languages: MixPlan['languages']): Record<string, number> | undefined {
  if (languages.every(({ weight }) => weight === null)) return undefined;
  return Object.fromEntries(languages.map(({ code, weight }) => [code, weight ?? 1]));
}

/** What mixing needs of a run. */
export interface MixPlan {
  readonly languages: readonly Pick<RunLanguage, 'code' | 'role' | 'weight'>[];
  readonly training: Pick<RunPlan['training'], 'seed'>;
}

function mixture(
  plan: MixPlan,
  share: number,
): {
  weights?: Record<string, number>;
  replay?: { share: number; weights?: Record<string, number> };
} {
  const weights = weightsOf(plan.languages.filter(({ role }) => role === 'new'));
  const oldWeights = weightsOf(plan.languages.filter(({ role }) => role === 'old'));
  return {
    ...(weights && { weights }),
    ...(share > 0 && { replay: { share, ...(oldWeights && { weights: oldWeights }) } }),
  };
}

function summary(text: LanguageText, packed: PackedSequences, textTokens: number): LanguageSummary {
  const { code, role, train, heldOut } = text;
  return {
    code,
    role,
    documents: train.length,
    heldOutDocuments: heldOut.length,
    tokens: packed.targetCount,
    bytesPerToken: packed.textBytes / textTokens,
  };
}

export interface PackingPlan {
  readonly sequenceLength: number;
  readonly endOfDocument: boolean;
}

/** Tokenises and packs. Old languages are left out where nothing is replayed. Throws InvalidConfigError. */
export async function packText(
  base: LoadedBase,
  texts: readonly LanguageText[],
  packing: PackingPlan,
  replays: boolean,
): Promise<PackedText> {
  const { tokenizer } = base;
  const used = texts.filter(({ role }) => role === 'new' || replays);
  const languages: MixedLanguage[] = [];
  const summaries: LanguageSummary[] = [];
  for (const text of used) {
    const cache = await tokenizeDocuments(tokenizer, text.train);
    const [eos] = tokenizer.eosTokenIds;
    const sequences = packDocuments(cache, {
      sequenceLength: packing.sequenceLength,
      bosTokenId: prefixTokenId(tokenizer),
      ...(packing.endOfDocument && eos !== undefined && { eosTokenId: eos }),
    });
    languages.push({ code: text.code, role: text.role, sequences });
    summaries.push(summary(text, sequences, cache.tokens.length));
  }
  const newOnes = languages.filter(({ role }) => role === 'new');
  return {
    languages,
    summaries,
    newSequences: newOnes.reduce((sum, { sequences }) => sum + sequences.count, 0),
  };
}

/**
 * Batches of packed text, mixed by language. Throws InvalidConfigError.
 * @param tokenizerId SHA-256 of tokenizer.json
 */
export function mixText(
  plan: MixPlan,
  { languages }: PackedText,
  batches: BatchPlan,
  tokenizerId: string,
): BatchSource {
  return createBatchSource({
    languages,
    batchSize: batches.batchSize,
    seed: plan.training.seed,
    tokenizerId,
    ...mixture(plan, batches.replayShare),
  });
}
