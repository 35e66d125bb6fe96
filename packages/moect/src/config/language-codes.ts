import { canonicalLanguage, isSameLanguage, languageByName, languageName, languageNames } from '@moect/data';
import { nearestName } from './did-you-mean.ts';

/** A language code in its canonical form, with a note where it is not what was given; or what is wrong. */
export type CheckedLanguage =
  | { readonly code: string; readonly note: string | null }
  | { readonly problem: string };

/** The code of a language by its English name, or by one that is nearly that. */
function suggestion(given: string): string | null {
  const byName = languageByName(given);
  if (byName !== null) return byName;
  const names = languageNames();
  const near = nearestName(given, [...names.keys()]);
  return near === null ? null : names.get(near)!;
}

const withName = (code: string): string => {
  const name = languageName(code);
  return name === null ? `'${code}'` : `'${code}' (${name})`;
};

/** Checks a code that people wrote: `is` becomes `isl_Latn`, for `icelandic` that is suggested. */
export function checkLanguage(given: string): CheckedLanguage {
  const canonical = canonicalLanguage(given);
  if ('problem' in canonical) {
    const meant = suggestion(given);
    return {
      problem: `'${given}' ${canonical.problem}.${meant === null ? '' : ` Did you mean ${withName(meant)}?`}`,
    };
  }
  const { code } = canonical;
  // another case or hyphen is the same code to everyone
  const isSpelling = given.replaceAll('-', '_').toLowerCase() === code.toLowerCase();
  return { code, note: isSpelling ? null : `language '${given}' is ${withName(code)}` };
}

const restOf = (code: string): string => code.split('_').slice(2).join('_');

/** Whether two canonical codes are one language in one variety: `swa_Latn` and `swh_Latn` are. */
export const isAlias = (a: string, b: string): boolean => isSameLanguage(a, b) && restOf(a) === restOf(b);
