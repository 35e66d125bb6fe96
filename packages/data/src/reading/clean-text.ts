import type { Normalization } from './read-options.ts';

/** Text in its Unicode form. The forms are those of the platform's Unicode version. */
export function normalizeUnicode(text: string, normalization: Normalization): string {
  return normalization === 'NFC' ? text.normalize('NFC') : text;
}

/** CR LF and CR as LF: a line end is one character in all text. */
export const unifyLineEnds = (text: string): string => text.replace(/\r\n?/g, '\n');
