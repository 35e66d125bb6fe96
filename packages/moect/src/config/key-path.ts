import { type ConfigProblem, InvalidConfigError } from '@moect/core';

export type KeyPath = readonly (string | number)[];

/** Line of the value at a path (or of its nearest parent), counted from 1. */
export type LineOf = (path: KeyPath) => number | undefined;

/** Source of settings, for messages. */
export interface SettingsOrigin {
  readonly name: string;
  readonly lineOf: LineOf;
}

/** Form of a place in problems: `languages[0].files`. */
export function pathText(path: KeyPath): string {
  const text = path.reduce<string>((sum, key) => {
    if (typeof key === 'number') return `${sum}[${key}]`;
    return sum === '' ? key : `${sum}.${key}`;
  }, '');
  return text === '' ? '(whole file)' : text;
}

/** The inverse of {@link pathText}. */
export function parsePath(text: string): KeyPath {
  return [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([all, index]) =>
    index === undefined ? all : Number(index),
  );
}

/** A problem with its line, if known. */
export function problemAt(
  { lineOf }: Pick<SettingsOrigin, 'lineOf'>,
  path: KeyPath,
  message: string,
): ConfigProblem {
  const line = lineOf(path);
  return { path: pathText(path), message, ...(line === undefined ? {} : { line }) };
}

/** An InvalidConfigError of a part, with its problems moved below `prefix`; other errors unchanged. */
export function placedBelow(error: unknown, origin: SettingsOrigin, prefix: KeyPath): unknown {
  if (!(error instanceof InvalidConfigError)) return error;
  const problems = error.problems.map(({ path, message }) =>
    problemAt(origin, [...prefix, ...parsePath(path)], message),
  );
  return new InvalidConfigError(origin.name, problems, error.hint);
}
