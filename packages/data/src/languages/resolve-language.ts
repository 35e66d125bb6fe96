import { canonicalLanguage, isSameLanguage, parseLanguage } from './language-code.ts';

/**
 * The code under which a language is known already, for example `swh_Latn` for `sw` beside a pack of `swh_Latn`.
 * A language without a script is meant in its usual one, so `sr` is not `srp_Latn`.
 * @returns null where none of the codes names this language
 */
export function knownLanguage(given: string, known: readonly string[]): string | null {
  if (known.includes(given)) return given;
  const canonical = canonicalLanguage(given);
  if ('problem' in canonical) return null;
  const full = known.map((code) => {
    const own = canonicalLanguage(code);
    return { code, full: 'code' in own ? own.code : code };
  });
  const same = full.filter(({ full }) => isSameLanguage(full, canonical.code));
  const exact = same.filter(({ full }) => restOf(full) === restOf(canonical.code));
  // a variety counts as its language, but of two varieties none is meant
  const candidates = exact.length > 0 ? exact : same;
  return candidates.length === 1 ? candidates[0]!.code : null;
}

const restOf = (code: string): string => parseLanguage(code)?.rest.join('_') ?? '';
