import type { Document } from '@moect/core';
import { readText } from '../training/prepare-data.ts';
import { newLanguages, type ScoredExtension } from './combined-scorer.ts';

export interface EvaluatedText {
  readonly code: string;
  /** From the extensions: new or old to one of them, else unseen. */
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: readonly Document[];
}

function roleOf(code: string, extensions: readonly Pick<ScoredExtension, 'info'>[]): EvaluatedText['role'] {
  if (extensions.some((extension) => newLanguages(extension).includes(code))) return 'new';
  const isOld = extensions.some(({ info }) => info.languages.some((language) => language.code === code));
  return isOld ? 'old' : 'unseen';
}

/**
 * Reads text to be scored.
 * @param old languages that the base knows, where the extensions do not say so (those trained without replay)
 * Throws InvalidConfigError and CorruptDataError.
 */
export async function readTexts(
  texts: readonly { readonly code: string; readonly files: readonly string[] }[],
  extensions: readonly Pick<ScoredExtension, 'info'>[],
  old: readonly string[] = [],
): Promise<EvaluatedText[]> {
  const read: EvaluatedText[] = [];
  for (const { code, files } of texts) {
    const known = roleOf(code, extensions);
    const role = known === 'unseen' && old.includes(code) ? 'old' : known;
    const documents = await readText({ code, role, files }, { format: null, textField: 'text' });
    read.push({ code, role, documents });
  }
  return read;
}
