import { type Document, InvalidConfigError } from '@moect/core';
import { didYouMean } from '../config/did-you-mean.ts';
import type { Platform } from '../platform/platform.ts';
import { DEFAULT_FORMAT, readTexts } from '../training/texts.ts';
import type { TextsByLanguage } from '../training/train.ts';
import { newLanguages, type UsedPack } from './scorers.ts';

export interface EvaluatedText {
  readonly code: string;
  /** Role from the packs: new or old to one of them, else unseen. */
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: readonly Document[];
}

function roleOf(code: string, packs: readonly Pick<UsedPack, 'info'>[]): EvaluatedText['role'] {
  if (packs.some((pack) => newLanguages(pack).includes(code))) return 'new';
  const isOld = packs.some(({ info }) => info.languages.some((language) => language.code === code));
  return isOld ? 'old' : 'unseen';
}

/** A name that no text has would leave its language unseen without a word. */
function checkOld(old: readonly string[], codes: readonly string[]): void {
  const problems = old
    .filter((code) => !codes.includes(code))
    .map((code) => ({ path: 'old', message: `no text is in '${code}'.${didYouMean(code, codes)}` }));
  if (problems.length > 0) throw new InvalidConfigError('The old languages', problems);
}

/**
 * Reads text to be scored.
 * @param old languages that the base knows but the packs do not name (packs trained without replay)
 * Throws InvalidConfigError and CorruptDataError.
 */
export async function evaluatedTexts(
  texts: TextsByLanguage,
  packs: readonly Pick<UsedPack, 'info'>[],
  platform: Platform,
  old: readonly string[] = [],
): Promise<EvaluatedText[]> {
  checkOld(old, Object.keys(texts));
  const read: EvaluatedText[] = [];
  for (const [code, given] of Object.entries(texts)) {
    const known = roleOf(code, packs);
    const role = known === 'unseen' && old.includes(code) ? 'old' : known;
    const documents = await readTexts({ code, role }, given, DEFAULT_FORMAT, platform);
    read.push({ code, role, documents });
  }
  return read;
}
