import { canonicalLanguage, parseLanguage } from './language-code.ts';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];

let known: ReadonlyMap<string, string> | null = null;

const plain = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

/** English names of all languages that the platform can name, without case, accents and blanks, with their codes. */
function codesByName(): ReadonlyMap<string, string> {
  if (known !== null) return known;
  const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
  const found = new Map<string, string>();
  const codes = LETTERS.flatMap((a) =>
    LETTERS.flatMap((b) => [`${a}${b}`, ...LETTERS.map((c) => `${a}${b}${c}`)]),
  );
  for (const code of codes) {
    const name = names.of(code);
    if (name === undefined || name === code || found.has(plain(name))) continue;
    const canonical = canonicalLanguage(code);
    if ('code' in canonical) found.set(plain(name), canonical.code);
  }
  known = found;
  return known;
}

/** English name of a language, for example `Icelandic` for `isl_Latn`; null where the platform has none. */
export function languageName(code: string): string | null {
  const parts = parseLanguage(code);
  if (parts === null) return null;
  const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
  return names.of(parts.language) ?? null;
}

/** Code of a language by its English name, `isl_Latn` for `icelandic`; null where no language has it. */
export function languageByName(name: string): string | null {
  return codesByName().get(plain(name)) ?? null;
}

/** English names with their codes, for suggestions. Names are in lower case, without accents and blanks. */
export function languageNames(): ReadonlyMap<string, string> {
  return codesByName();
}
