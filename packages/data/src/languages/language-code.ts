// the whole package would bring a table of all languages, 0.8 MB, with it
import { iso6393To1 } from 'iso-639-3/iso6393-to-1.js';
import { iso6393To2B } from 'iso-639-3/iso6393-to-2b.js';

/** A language code in its parts. */
export interface LanguageParts {
  /** As given, in lower case: ISO 639-3, 639-2 or 639-1. */
  readonly language: string;
  /** ISO 15924, for example `Latn`; null where none is named. */
  readonly script: string | null;
  /** Region, variants and private parts, for example `BR` or `vale1252`. */
  readonly rest: readonly string[];
}

const SHAPE = /^([a-z]{2,3})(?:[_-]([a-z]{4}))?((?:[_-][a-z0-9]{1,8})*)$/i;
/** Codes that name no language (ISO 639-3, scope special). */
const SPECIAL = ['und', 'mul', 'mis', 'zxx'];
/** Scripts that hold others (ISO 15924): FineWeb-2 writes Hani for both ways of writing Chinese. */
const HOLDS: Readonly<Record<string, readonly string[]>> = {
  Hani: ['Hans', 'Hant'],
  Kore: ['Hang', 'Hani'],
  Jpan: ['Hani', 'Hira', 'Kana'],
};

const inverted = (codes: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(codes).map(([iso6393, other]) => [other, iso6393]));
const iso6391To3 = inverted(iso6393To1);
const iso6392BTo3 = inverted(iso6393To2B);

const titleCase = (script: string): string => `${script[0]!.toUpperCase()}${script.slice(1).toLowerCase()}`;

/** `swh_Latn`, `sw-KE`, `ISL`, `cat_Latn_vale1252`; null for what has not the shape of a code. */
export function parseLanguage(code: string): LanguageParts | null {
  const match = SHAPE.exec(code);
  if (match === null) return null;
  const [, language, script, more = ''] = match;
  const rest = more.split(/[_-]/).filter((part) => part !== '');
  return {
    language: language!.toLowerCase(),
    script: script === undefined ? null : titleCase(script),
    rest: rest.map((part) => (/^[a-z]{2}$/i.test(part) ? part.toUpperCase() : part.toLowerCase())),
  };
}

/**
 * The tag under which CLDR knows a language: `swh`, `swa` and `sw` are all `sw`, `cmn` is `zh`, `iw` is `he`.
 * It may bring a script of its own (`sh` is `sr-Latn`).
 */
function cldrLocale(language: string): Intl.Locale {
  return new Intl.Locale(language);
}

/** The region decides too: Chinese of Taiwan is written in Hant. Null where CLDR names no script. */
function likelyScript({ language, rest }: LanguageParts): string | null {
  const region = rest.find((part) => /^[A-Z]{2}$/.test(part));
  const tag = region === undefined ? language : `${language}-${region}`;
  return new Intl.Locale(tag).maximize().script ?? null;
}

/** ISO 639-3 of a language; retired codes of two letters go through CLDR. Two letters remain of what is no language. */
function iso6393(language: string): string {
  if (language.length === 3) return iso6392BTo3.get(language) ?? language;
  return iso6391To3.get(language) ?? iso6391To3.get(cldrLocale(language).language) ?? language;
}

/** The canonical code, or what is wrong. */
export type CanonicalLanguage = { readonly code: string } | { readonly problem: string };

/**
 * ISO 639-3 and ISO 15924, for example `isl_Latn` for `is`, `isl`, `ice` and `IS-latn`; a region or variant stays behind
 * it. A script that is not named is CLDR's likely one. Codes that name no language (`und`, `mul`) stay as they are.
 */
export function canonicalLanguage(given: string): CanonicalLanguage {
  const parts = parseLanguage(given);
  if (parts === null) return { problem: 'is no language code: ISO 639 and a script, for example swh_Latn' };
  if (SPECIAL.includes(parts.language)) return { code: parts.language };
  const script = parts.script ?? cldrLocale(parts.language).script ?? likelyScript(parts);
  const language = iso6393(parts.language);
  if (language.length === 2) return { problem: 'is no code of ISO 639, for example swh_Latn or sw' };
  if (script === null) {
    const local = /^q[a-t]/.test(language) ? ', which is for local use,' : '';
    return {
      problem: `has no script, and CLDR names none for '${language}'${local}: write for example ${language}_Latn`,
    };
  }
  return { code: [language, script, ...parts.rest].join('_') };
}

function isSameScript(a: string | null, b: string | null): boolean {
  if (a === null || b === null || a === b) return true;
  return HOLDS[a]?.includes(b) === true || HOLDS[b]?.includes(a) === true;
}

const isSameRest = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === 0 || b.length === 0 || a.join('_') === b.join('_');

/**
 * Whether two codes may name the same language: aliases count as equal (`swh`, `swa`, `sw-KE`), and a part that one of
 * them leaves out contradicts nothing. `und` contradicts nothing either.
 */
export function isSameLanguage(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [parseLanguage(a), parseLanguage(b)];
  if (left === null || right === null) return false;
  if (left.language === 'und' || right.language === 'und') return true;
  const [one, two] = [cldrLocale(left.language), cldrLocale(right.language)];
  return (
    one.language === two.language &&
    isSameScript(left.script ?? one.script ?? null, right.script ?? two.script ?? null) &&
    isSameRest(left.rest, right.rest)
  );
}
