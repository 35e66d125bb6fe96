import { type ConfigProblem, InvalidConfigError, type JsonObject } from '@moect/core';

/** Reads fields of a JSON object and collects every problem, so that all are reported at once. */
export interface FieldReader {
  /** A whole number from `minimum`; `fallback` when the key is absent or null. */
  count(key: string, fallback?: number, minimum?: number): number;
  /** A finite number above 0. */
  positive(key: string, fallback?: number): number;
  flag(key: string, fallback: boolean): boolean;
  text(key: string, fallback?: string): string;
  problem(key: string, message: string): void;
  /** Reader of an object inside this one; its problems are reported here. */
  nested(key: string, json: JsonObject): FieldReader;
  /** Throws InvalidConfigError when there was any problem. */
  finish(hint?: string): void;
}

/** @param what names the object in messages */
export function fieldReader(json: JsonObject, what: string): FieldReader {
  return readerInto([], json, what, '');
}

function readerInto(problems: ConfigProblem[], json: JsonObject, what: string, prefix: string): FieldReader {
  const problem = (key: string, message: string): void => {
    problems.push({ path: `${prefix}${key}`, message });
  };
  const read = <T>(
    key: string,
    fallback: T | undefined,
    fits: (x: unknown) => x is T,
    wish: string,
    zero: T,
  ): T => {
    const value = json[key] ?? fallback;
    if (fits(value)) return value;
    problem(
      key,
      value === undefined ? `is missing, expected ${wish}` : `is ${JSON.stringify(value)}, expected ${wish}`,
    );
    return zero;
  };
  return {
    problem,
    nested: (key, inner) => readerInto(problems, inner, what, `${prefix}${key}.`),
    count: (key, fallback, minimum = 1) => {
      const fits = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= minimum;
      return read(key, fallback, fits, `a whole number from ${minimum}`, minimum);
    },
    positive: (key, fallback) => {
      const fits = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x) && x > 0;
      return read(key, fallback, fits, 'a number above 0', 1);
    },
    flag: (key, fallback) =>
      read(key, fallback, (x): x is boolean => typeof x === 'boolean', 'true or false', fallback),
    text: (key, fallback) => read(key, fallback, (x): x is string => typeof x === 'string', 'a text', ''),
    finish: (hint = '') => {
      if (problems.length > 0) throw new InvalidConfigError(what, problems, hint);
    },
  };
}
