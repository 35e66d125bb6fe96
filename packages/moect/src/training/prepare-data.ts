import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, InvalidConfigError } from '@moect/core';
import { collectDocuments, sha256Hex } from '@moect/data';
import { fileCorpus } from '@moect/data/node';
import type { FolderBase } from '../base/load-base.ts';
import type { RunPlan } from '../config/resolved-run.ts';
import { type LanguageText, splitLanguage } from './pack-text.ts';

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
    texts.push(splitLanguage(language, documents, plan.data.heldOut));
  }
  return texts;
}

/** SHA-256 of tokenizer.json. */
export async function tokenizerIdOf({ folder }: FolderBase): Promise<string> {
  return sha256Hex(await readFile(join(folder, 'tokenizer.json'), 'utf8'));
}
