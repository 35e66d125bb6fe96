/** English names. */
let names: Intl.DisplayNames | undefined;

/**
 * `swh_Latn` → `Swahili`, `srp_Latn` → `Serbian (Latin)`: the script stands beside it where it is not the usual one.
 * null for codes that the platform has no name for.
 */
export function languageName(code: string): string | null {
  names ??= new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });
  try {
    const tag = code.replaceAll('_', '-');
    const language = tag.split('-')[0]!;
    const isUsual = new Intl.Locale(tag).script === new Intl.Locale(language).maximize().script;
    // a macro language has the name, its members often have none
    return (isUsual ? undefined : names.of(tag)) ?? names.of(language) ?? null;
  } catch {
    return null;
  }
}
