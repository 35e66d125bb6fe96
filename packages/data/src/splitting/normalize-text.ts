import { sha256Hex } from '../hashing/sha256.ts';

/** The form in which two documents count as the same text: NFC, runs of white space as one space, trimmed. */
export function normalizeText(text: string): string {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/** SHA-256 of the normalised text, in hexadecimal. */
export function textKey(text: string): string {
  return sha256Hex(normalizeText(text));
}
