import type { CorpusSource, Document, LanguageRole } from '@moect/core';
import { isSameLanguage } from '../languages/language-code.ts';
import { languageByName } from '../languages/language-names.ts';
import type { DocumentReader } from './read-documents.ts';
import type { ReadReport } from './read-report.ts';

/** A corpus that can be read again and again; each pass leaves its own report. */
export interface ReadableCorpus extends CorpusSource {
  /** Reports of the passes begun so far, one per file, oldest first. */
  readonly reports: readonly ReadReport[];
  /** Documents left out so far because their record names another language. */
  readonly otherLanguages: number;
}

/**
 * Whether the language that a record names is that of a corpus: aliases (`sw`, `swh`, `swa_Latn` for `swh_Latn`) and
 * English names count, and a record without a script contradicts none.
 */
export function namesLanguage(given: string, language: string): boolean {
  if (isSameLanguage(given, language)) return true;
  const named = /^.{4,}$/u.test(given) ? languageByName(given) : null;
  return named !== null && isSameLanguage(named.split('_')[0]!, language);
}

/** Documents of a language, under its own code; the others are counted in the report by what they name. */
export async function* onlyLanguage(
  reader: DocumentReader,
  language: string,
): AsyncGenerator<Document, void, undefined> {
  const { otherLanguages } = reader.report;
  const answers = new Map<string, boolean>();
  for await (const document of reader) {
    const given = document.language;
    const isOwn = answers.get(given) ?? namesLanguage(given, language);
    answers.set(given, isOwn);
    if (isOwn) yield given === language ? document : { ...document, language };
    else otherLanguages[given] = (otherLanguages[given] ?? 0) + 1;
  }
}

/**
 * A corpus source over readers.
 * @param open makes fresh readers, one per file, each time the corpus is read
 */
export function corpusSource(
  language: string,
  role: LanguageRole,
  open: () => Iterable<DocumentReader>,
): ReadableCorpus {
  const reports: ReadReport[] = [];
  return {
    contract: 'corpus-source/1',
    language,
    role,
    reports,
    get otherLanguages() {
      const counts = reports.flatMap(({ otherLanguages }) => Object.values(otherLanguages));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async *documents() {
      for (const reader of open()) {
        reports.push(reader.report);
        yield* onlyLanguage(reader, language);
      }
    },
  };
}

/** A corpus of documents that are in memory already. */
export function corpusFromDocuments(
  language: string,
  role: LanguageRole,
  documents: readonly Document[],
): CorpusSource {
  return {
    contract: 'corpus-source/1',
    language,
    role,
    async *documents() {
      yield* documents;
    },
  };
}

/** Reads everything into memory. */
export async function collectDocuments(documents: AsyncIterable<Document>): Promise<Document[]> {
  const collected: Document[] = [];
  for await (const document of documents) collected.push(document);
  return collected;
}
