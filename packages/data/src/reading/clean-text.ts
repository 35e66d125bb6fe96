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

/** CR LF and CR as LF: a line end is one character in all text. */
export const unifyLineEnds = (text: string): string => text.replace(/\r\n?/g, '\n');
