import { InvalidConfigError } from '@moect/core';

/** The error for a language without any text left. */
export function withoutText(code: string, place: string, otherLanguages: number): InvalidConfigError {
  const message =
    otherLanguages > 0
      ? `all ${otherLanguages} records name another language than '${code}'`
      : 'no document with text';
  return new InvalidConfigError(`Text of ${code}`, [{ path: place, message }]);
}
