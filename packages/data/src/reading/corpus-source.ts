import type { CorpusSource, Document, LanguageRole } from '@moect/core';
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
 * A corpus source over readers.
 * @param open makes fresh readers, one per file, each time the corpus is read
 */
export function corpusSource(
  language: string,
  role: LanguageRole,
  open: () => Iterable<DocumentReader>,
): ReadableCorpus {
  const reports: ReadReport[] = [];
  let otherLanguages = 0;
  return {
    contract: 'corpus-source/1',
    language,
    role,
    reports,
    get otherLanguages() {
      return otherLanguages;
    },
    async *documents() {
      for (const reader of open()) {
        reports.push(reader.report);
        for await (const document of reader) {
          if (document.language === language) yield document;
          else otherLanguages++;
        }
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
