import { type ConfigProblem, InvalidConfigError, type Json } from '@moect/core';

/** What is wrong with a value, or null. */
export type Check = (value: unknown) => string | null;

/** Default and check of each known key. */
export type Fields<T> = { readonly [K in keyof T]-?: { readonly default: T[K]; readonly check: Check } };

interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly integer?: boolean;
}

/** A finite number within bounds, both included. */
export function number({
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
  integer,
}: Range): Check {
  const bounds = [
    Number.isFinite(min) ? ` from ${min}` : '',
    Number.isFinite(max) ? ` up to ${max}` : '',
  ].join('');
  return (value) => {
    const fits = typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
    if (fits && (!integer || Number.isInteger(value))) return null;
    return `must be a ${integer ? 'whole ' : ''}number${bounds}, is ${JSON.stringify(value)}`;
  };
}

export function orNull(check: Check): Check {
  return (value) => {
    if (value === null) return null;
    const problem = check(value);
    return problem === null ? null : problem.replace('must be', 'must be null or');
  };
}

export function oneOf(...choices: readonly Json[]): Check {
  return (value) =>
    choices.includes(value as Json)
      ? null
      : `must be one of ${choices.map((c) => JSON.stringify(c)).join(', ')}, is ${JSON.stringify(value)}`;
}

export const boolean: Check = oneOf(true, false);

export const strings: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? null
    : `must be a list of strings, is ${JSON.stringify(value)}`;

/** Fills in defaults and lists every problem, unknown keys included. */
export function readOptions<T extends object>(
  given: Partial<T>,
  fields: Fields<T>,
): { options: T; problems: ConfigProblem[] } {
  const known = Object.keys(fields) as (keyof T & string)[];
  const problems: ConfigProblem[] = Object.keys(given)
    .filter((key) => !(known as string[]).includes(key))
    .map((key) => ({ path: key, message: `is not known; known are ${known.join(', ')}` }));
  const options = {} as T;
  for (const key of known) {
    const value = given[key] === undefined ? fields[key].default : (given[key] as T[typeof key]);
    const message = fields[key].check(value);
    if (message !== null) problems.push({ path: key, message });
    options[key] = value;
  }
  return { options, problems };
}

/** {@link readOptions} for callers with nothing to add: throws InvalidConfigError with every problem. */
export function checkedOptions<T extends object>(what: string, given: Partial<T>, fields: Fields<T>): T {
  const { options, problems } = readOptions(given, fields);
  if (problems.length > 0) throw new InvalidConfigError(what, problems);
  return options;
}
