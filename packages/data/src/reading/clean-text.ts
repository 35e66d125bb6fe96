import type { Document } from '@moect/core';
import type { Normalization } from './read-options.ts';
import type { ReadReport } from './read-report.ts';

/** Text in its Unicode form, by the platform's Unicode version; counted in the report where it is not in NFC. */
export function normalizeUnicode(
  text: string,
  normalization: Normalization,
  report?: Pick<ReadReport, 'normalizedDocuments' | 'otherFormDocuments'>,
): string {
  const composed = text.normalize('NFC');
  if (composed === text) return text;
  if (report !== undefined) report[normalization === 'NFC' ? 'normalizedDocuments' : 'otherFormDocuments']++;
  return normalization === 'NFC' ? composed : text;
}

/** Changes a document's text, and that of its messages. */
export function mapTexts<T extends Pick<Document, 'text' | 'messages'>>(
  document: T,
  change: (text: string) => string,
): T {
  const { text, messages } = document;
  if (messages === undefined) return { ...document, text: change(text) };
  const changed = messages.map((message) => ({ ...message, content: change(message.content) }));
  return { ...document, text: change(text), messages: changed };
}

/** A document, with its messages, in its Unicode form; counted once. */
export function normalizeDocument<T extends Pick<Document, 'text' | 'messages'>>(
  document: T,
  normalization: Normalization,
  report: Pick<ReadReport, 'normalizedDocuments' | 'otherFormDocuments'>,
): T {
  normalizeUnicode(document.text, normalization, report);
  return mapTexts(document, (text) => normalizeUnicode(text, normalization));
}

/** CR LF and CR as LF: a line end is one character in all text. */
export const unifyLineEnds = (text: string): string => text.replace(/\r\n?/g, '\n');
