import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BatchSource, type Document, InvalidConfigError } from '@moect/core';
import {
  collectDocuments,
  createBatchSource,
  type MixedLanguage,
  type PackedSequences,
  packDocuments,
  prefixTokenId,
  sha256Hex,
  splitDocuments,
  tokenizeDocuments,
} from '@moect/data';
import { fileCorpus } from '@moect/data/node';
import type { LoadedBase } from '../base/load-base.ts';
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

/** Files may count their documents alike; scores are paired by id. */
function withUniqueIds(documents: readonly Document[]): Document[] {
  const seen = new Map<string, number>();
  return documents.map((document) => {
    const times = (seen.get(document.id) ?? 0) + 1;
    seen.set(document.id, times);
    return times === 1 ? document : { ...document, id: `${document.id} (${times})` };
  });
}

/** Documents of a language from files; records of a JSONL file that name another language are left out. */
export async function readText(
  language: {
    readonly code: string;
    readonly role: 'new' | 'old' | 'unseen';
    readonly files: readonly string[];
  },
  format: Pick<RunPlan['data'], 'format' | 'textField'>,
): Promise<Document[]> {
  const { code, role, files } = language;
  const corpus = fileCorpus({
    language: code,
    role: role === 'unseen' ? 'unknown' : role,
    files,
    textField: format.textField,
    ...(format.format !== null && { format: format.format }),
  });
  const documents = withUniqueIds(await collectDocuments(corpus.documents()));
  if (documents.length > 0) return documents;
  const message =
    corpus.otherLanguages > 0
      ? `all ${corpus.otherLanguages} records name another language than '${code}'`
      : 'no document with text';
  throw new InvalidConfigError(`Text of ${code}`, [{ path: files.join(', '), message }]);
}

/** Reads all languages and keeps a share of each out of training. Throws InvalidConfigError and CorruptDataError. */
export async function readLanguages(plan: RunPlan): Promise<LanguageText[]> {
  const texts: LanguageText[] = [];
  for (const language of plan.languages) {
    const documents = await readText(language, plan.data);
    const { splits } = splitDocuments(documents, { seed: 0, dev: plan.data.heldOut, test: 0 });
    // a text of very few documents may end on one side
    const isOneSided = splits.train.length === 0;
    texts.push({
      code: language.code,
      role: language.role,
      train: isOneSided ? splits.dev : splits.train,
      heldOut: isOneSided ? [] : splits.dev,
    });
  }
  return texts;
}

function weightsOf(languages: readonly RunLanguage[]): Record<string, number> | undefined {
  if (languages.every(({ weight }) => weight === null)) return undefined;
  return Object.fromEntries(languages.map(({ code, weight }) => [code, weight ?? 1]));
}

function mixture(
  plan: RunPlan,
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

/** Batches of packed text, mixed by language. Throws InvalidConfigError. */
export async function mixText(
  plan: RunPlan,
  base: LoadedBase,
  { languages }: PackedText,
  batches: BatchPlan,
): Promise<BatchSource> {
  return createBatchSource({
    languages,
    batchSize: batches.batchSize,
    seed: plan.training.seed,
    tokenizerId: sha256Hex(await readFile(join(base.folder, 'tokenizer.json'), 'utf8')),
    ...mixture(plan, batches.replayShare),
  });
}
