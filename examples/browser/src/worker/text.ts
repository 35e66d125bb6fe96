import { CorruptDataError, type Document } from '@moect/core';
import { collectDocuments, formatFor, onlyLanguage, readDocuments } from '@moect/data';

/** Throws CorruptDataError for a file that has too little text to keep some of it for measuring. */
export async function checkText(file: File, language: string): Promise<void> {
  const format = formatFor(file.name, undefined) ?? 'lines';
  const reader = readDocuments(file.stream(), { source: file.name, language, format });
  const documents = await collectDocuments(onlyLanguage(reader, language));
  if (documents.length > 1) return;
  throw new CorruptDataError(
    file.name,
    `${documents.length === 0 ? 'has no text' : 'is one line'} in '${language}'`,
    'Give a text file with one passage a line: some are trained on, some are kept for measuring.',
  );
}

/** The first documents, up to `bytes` bytes of text; at least one document. */
export function upTo(bytes: number, documents: readonly Document[]): Document[] {
  const encoder = new TextEncoder();
  const kept: Document[] = [];
  let sum = 0;
  for (const document of documents) {
    sum += encoder.encode(document.text).length;
    if (kept.length > 0 && sum > bytes) break;
    kept.push(document);
  }
  return kept;
}

/** One JSON object a line, as the command line reads it. */
export function toJsonLines(documents: readonly Document[]): string {
  return documents.map(({ id, language, text }) => `${JSON.stringify({ id, language, text })}\n`).join('');
}
