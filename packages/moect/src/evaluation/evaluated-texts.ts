import { type Document, InvalidConfigError } from '@moect/core';
import { describeReading, knownLanguage } from '@moect/data';
import { CODE } from '../config/canonical-languages.ts';
import { didYouMean } from '../config/did-you-mean.ts';
import { checkLanguage } from '../config/language-codes.ts';
import type { Platform } from '../platform/platform.ts';
import { readTexts } from '../training/texts.ts';
import type { TextsByLanguage } from '../training/train.ts';
import { type ScoredText, textForPacks } from './pack-text-settings.ts';
import { newLanguages, type UsedPack } from './scorers.ts';

export interface EvaluatedText {
  readonly code: string;
  /** Role from the packs: new or old to one of them, else unseen. */
  readonly role: 'new' | 'old' | 'unseen';
  readonly documents: readonly Document[];
}

/** Text that was read to be scored. */
export interface EvaluatedTexts {
  readonly texts: readonly EvaluatedText[];
  /** What was left out or changed while reading and why, and what looks wrong. */
  readonly notes: readonly string[];
}

export interface EvaluationSettings {
  /** Languages that the base knows but the packs do not name (packs trained without replay). */
  readonly old?: readonly string[] | undefined;
  /** How text is read. Default: as the packs record, else as in training. */
  readonly data?: ScoredText | undefined;
}

type NamedPack = Pick<UsedPack, 'name' | 'info'>;

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

/** A code as the packs have it, else in its canonical form. */
export interface ResolvedCode {
  readonly code: string;
  readonly note: string | null;
}

/**
 * The code of a language for packs: that of an equal language of theirs (`sw` for a pack of `swh_Latn`), else the
 * canonical one. Throws InvalidConfigError for what is no code.
 */
export function resolveCode(
  given: string,
  packs: readonly Pick<UsedPack, 'info'>[],
  what: string,
): ResolvedCode {
  const known = knownLanguage(given, [
    ...new Set(packs.flatMap(({ info }) => info.languages.map(({ code }) => code))),
  ]);
  if (known !== null) return { code: known, note: null };
  const checked = CODE.test(given) ? checkLanguage(given) : { problem: `'${given}' is no language code` };
  if ('code' in checked) return checked;
  throw new InvalidConfigError(what, [{ path: 'language', message: checked.problem }]);
}

/** Packs none of whose languages are there: their gain cannot show. */
function foreignPacks(codes: readonly string[], packs: readonly NamedPack[]): string[] {
  return packs.flatMap((pack) => {
    const own = newLanguages(pack);
    if (own.length === 0 || own.some((code) => codes.includes(code))) return [];
    return [
      `no text is in a language that '${pack.name}' was made for (${own.join(', ')}): its gain cannot show`,
    ];
  });
}

/** Reads text to be scored. Throws InvalidConfigError and CorruptDataError. */
export async function evaluatedTexts(
  given: TextsByLanguage,
  packs: readonly NamedPack[],
  platform: Platform,
  { old = [], data }: EvaluationSettings = {},
): Promise<EvaluatedTexts> {
  const { settings, notes: settingNotes } = textForPacks(packs, data);
  const notes = [...settingNotes];
  const resolved = (code: string): string => {
    const found = resolveCode(code, packs, 'Text to be scored');
    if (found.note !== null && !notes.includes(found.note)) notes.push(found.note);
    return found.code;
  };
  const oldCodes = old.map(resolved);
  const texts = new Map<string, EvaluatedText>();
  for (const [name, text] of Object.entries(given)) {
    const code = resolved(name);
    const known = roleOf(code, packs);
    const role = known === 'unseen' && oldCodes.includes(code) ? 'old' : known;
    const read = await readTexts({ code, role }, text, settings, platform);
    notes.push(...read.reports.flatMap(describeReading));
    const documents = [...(texts.get(code)?.documents ?? []), ...read.documents];
    texts.set(code, { code, role, documents });
  }
  checkOld(oldCodes, [...texts.keys()]);
  notes.push(...foreignPacks([...texts.keys()], packs));
  return { texts: [...texts.values()], notes };
}
