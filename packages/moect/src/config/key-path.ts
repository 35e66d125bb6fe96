import { type ConfigProblem, InvalidConfigError } from '@moect/core';

export type KeyPath = readonly (string | number)[];

/** Where the value (or, failing that, its nearest parent) at a path stands, counted from 1. */
export type LineOf = (path: KeyPath) => number | undefined;

/** Where settings come from, for messages. */
export interface SettingsOrigin {
  readonly name: string;
  readonly lineOf: LineOf;
}

/** `languages[0].files`: how problems name a place. */
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

/** A problem with its line, where there is one. */
export function problemAt(
  { lineOf }: Pick<SettingsOrigin, 'lineOf'>,
  path: KeyPath,
  message: string,
): ConfigProblem {
  const line = lineOf(path);
  return { path: pathText(path), message, ...(line === undefined ? {} : { line }) };
}

/** An InvalidConfigError of a part, with its problems placed below `prefix`; other errors as they are. */
export function placedBelow(error: unknown, origin: SettingsOrigin, prefix: KeyPath): unknown {
  if (!(error instanceof InvalidConfigError)) return error;
  const problems = error.problems.map(({ path, message }) =>
    problemAt(origin, [...prefix, ...parsePath(path)], message),
  );
  return new InvalidConfigError(origin.name, problems, error.hint);
}
