import type { BatchSource, Document } from '@moect/core';
import {
  createBatchSource,
  type DocumentFrame,
  type MixedLanguage,
  type PackedSequences,
  packDocuments,
  splitDocuments,
  type TokenCache,
  tokenizeDocuments,
} from '@moect/data';
import type { RunLanguage } from '../config/resolved-run.ts';
import type { Batches } from './choose-batches.ts';

export interface LanguageText {
  readonly code: string;
  readonly role: 'new' | 'old';
  readonly train: readonly Document[];
  /** Kept out of training. */
  readonly heldOut: readonly Document[];
  /** Documents left out because another one has the same text. */
  readonly copies: number;
}

/** Numbers of one language's training text. */
export interface LanguageSummary {
  readonly code: string;
  readonly role: 'new' | 'old';
  readonly documents: number;
  readonly heldOutDocuments: number;
  readonly tokens: number;
  /** Text bytes per token: low if the tokenizer hardly knows the script. */
  readonly bytesPerToken: number;
  /** Places that name a control token, such as `</s>`, and are text. Absent: none. */
  readonly controlNames?: number;
  /** Documents of which the tokenizer loses text. Absent: none. */
  readonly lossyDocuments?: number;
}

/** All languages as packed sequences. */
export interface PackedText {
  readonly languages: readonly MixedLanguage[];
  readonly summaries: readonly LanguageSummary[];
  /** Sequences of all new languages: one epoch. */
  readonly newSequences: number;
}

/** What is kept out of training. */
export interface HeldOutRule {
  /** Share of the documents. */
  readonly heldOut: number;
  /** Documents at least, where that is at most a tenth of them. */
  readonly minHeldOut: number;
}

/** Keeps a part of the documents out of training. */
export function splitLanguage(
  { code, role }: Pick<LanguageText, 'code' | 'role'>,
  documents: readonly Document[],
  { heldOut, minHeldOut }: HeldOutRule,
): LanguageText {
  const { splits, report } = splitDocuments(documents, {
    seed: 0,
    dev: heldOut,
    test: 0,
    minDev: minHeldOut,
  });
  // the split of very few documents may leave one side empty
  const isOneSided = splits.train.length === 0;
  return {
    code,
    role,
    train: isOneSided ? splits.dev : splits.train,
    heldOut: isOneSided ? [] : splits.dev,
    copies: documents.length - report.kept.train - report.kept.dev,
  };
}

type Weighted = Pick<RunLanguage, 'code' | 'role' | 'weight'>;

function weightsOf(languages: readonly Weighted[]): Record<string, number> | undefined {
  if (languages.every(({ weight }) => weight === undefined)) return undefined;
  return Object.fromEntries(languages.map(({ code, weight }) => [code, weight ?? 1]));
}

function mixture(
  languages: readonly Weighted[],
  share: number,
): {
  weights?: Record<string, number>;
  replay?: { share: number; weights?: Record<string, number> };
} {
  const weights = weightsOf(languages.filter(({ role }) => role === 'new'));
  const oldWeights = weightsOf(languages.filter(({ role }) => role === 'old'));
  return {
    ...(weights && { weights }),
    ...(share > 0 && { replay: { share, ...(oldWeights && { weights: oldWeights }) } }),
  };
}

/** Tokens of the text, without those of questions. */
const textTokens = ({ tokens, predicted }: TokenCache): number =>
  predicted === undefined ? tokens.length : predicted.reduce((sum, one) => sum + one, 0);

function summary(text: LanguageText, packed: PackedSequences, cache: TokenCache): LanguageSummary {
  const { code, role, train, heldOut } = text;
  const { controlNames, lossyDocuments } = cache;
  return {
    code,
    role,
    documents: train.length,
    heldOutDocuments: heldOut.length,
    tokens: packed.targetCount,
    bytesPerToken: packed.textBytes / textTokens(cache),
    ...(controlNames !== undefined && { controlNames }),
    ...(lossyDocuments !== undefined && { lossyDocuments }),
  };
}

/** Form of a sequence. */
export interface Packing {
  readonly sequenceLength: number;
  readonly endOfDocument: boolean;
  /** What stands around a text. */
  readonly frame: DocumentFrame;
}

/** Tokenises and packs. Old languages are left out without replay. Throws InvalidConfigError. */
export async function packText(
  texts: readonly LanguageText[],
  { frame, sequenceLength, endOfDocument }: Packing,
  replays: boolean,
): Promise<PackedText> {
  const used = texts.filter(({ role }) => role === 'new' || replays);
  const languages: MixedLanguage[] = [];
  const summaries: LanguageSummary[] = [];
  for (const text of used) {
    const cache = await tokenizeDocuments(frame, text.train);
    const sequences = packDocuments(cache, {
      sequenceLength,
      prefixIds: frame.prefixIds,
      ...(endOfDocument && frame.endId !== null && { eosTokenId: frame.endId }),
    });
    languages.push({ code: text.code, role: text.role, sequences });
    summaries.push(summary(text, sequences, cache));
  }
  const newOnes = languages.filter(({ role }) => role === 'new');
  return {
    languages,
    summaries,
    newSequences: newOnes.reduce((sum, { sequences }) => sum + sequences.count, 0),
  };
}

/** Distinct tokens of the languages of a role, or of all, ascending, in contexts or as targets. */
export function usedTokens({ languages }: PackedText, only?: 'new'): number[] {
  const used = new Set<number>();
  for (const { role, sequences } of languages) {
    if (only !== undefined && role !== only) continue;
    for (const token of sequences.tokens) used.add(token);
    for (const target of sequences.targets) used.add(target);
  }
  // −1 stands for no target
  used.delete(-1);
  return [...used].sort((a, b) => a - b);
}

/** How often each token of the new languages is a target. */
export function tokenCounts({ languages }: PackedText): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { role, sequences } of languages) {
    if (role !== 'new') continue;
    for (const target of sequences.targets) {
      if (target >= 0) counts.set(target, (counts.get(target) ?? 0) + 1);
    }
  }
  return counts;
}

/** Settings for drawing batches from packed text. */
export interface Mix {
  readonly languages: readonly Weighted[];
  readonly batches: Pick<Batches, 'batchSize' | 'replayShare'>;
  readonly seed: number;
  /** SHA-256 of tokenizer.json. */
  readonly tokenizerId: string;
}

/** Batches of packed text, mixed by language. Throws InvalidConfigError. */
export function mixText({ languages }: PackedText, mix: Mix): BatchSource {
  const { batches, seed, tokenizerId } = mix;
  return createBatchSource({
    languages,
    batchSize: batches.batchSize,
    seed,
    tokenizerId,
    ...mixture(mix.languages, batches.replayShare),
  });
}
