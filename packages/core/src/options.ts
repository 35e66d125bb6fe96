import { type ConfigProblem, InvalidConfigError } from './errors.ts';
import type { Json } from './tensor.ts';

/** Returns the problem with a value, or null. */
export type Check = (value: unknown) => string | null;

/** Default and check of each known key. */
export type Fields<T> = { readonly [K in keyof T]-?: { readonly default: T[K]; readonly check: Check } };

interface Range {
  /** Smallest and largest value that fits. */
  readonly min?: number;
  readonly max?: number;
  /** Values must be larger than this. */
  readonly above?: number;
  /** Values must be smaller than this. */
  readonly below?: number;
  readonly integer?: boolean;
  /** Infinity fits too. Default false. */
  readonly infinite?: boolean;
}

// JSON would write NaN and the infinities as null
const shown = (value: unknown): string =>
  typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value);

function boundsText({ min, max, above, below }: Range): string {
  const parts = [
    min !== undefined && `from ${min}`,
    above !== undefined && `above ${above}`,
    max !== undefined && `up to ${max}`,
    below !== undefined && `below ${below}`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? '' : ` ${parts.join(', ').replace(', up', ' up')}`;
}

/** A number within bounds, finite unless said otherwise. */
export function number(range: Range = {}): Check {
  const { min, max, above, below, integer = false, infinite = false } = range;
  const isWithin = (value: number): boolean =>
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below);
  const isKind = (value: number): boolean =>
    integer ? Number.isInteger(value) : Number.isFinite(value) || (infinite && !Number.isNaN(value));
  return (value) =>
    typeof value === 'number' && isKind(value) && isWithin(value)
      ? null
      : `must be a ${integer ? 'whole ' : ''}number${boundsText(range)}, is ${shown(value)}`;
}

export function orNull(check: Check): Check {
  return (value) => {
    if (value === null) return null;
    const problem = check(value);
    return problem === null ? null : problem.replace('must be', 'must be null or');
  };
}

/** For optional keys: undefined is valid. */
export function optional(check: Check): Check {
  return (value) => (value === undefined ? null : check(value));
}

export function oneOf(...choices: readonly Json[]): Check {
  return (value) =>
    choices.includes(value as Json)
      ? null
      : `must be one of ${choices.map((c) => JSON.stringify(c)).join(', ')}, is ${shown(value)}`;
}

export const boolean: Check = oneOf(true, false);

export const strings: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? null
    : `must be a list of strings, is ${shown(value)}`;

/** Problems of the keys that have a check, in the order of the checks. Other keys are ignored. */
export function problemsOf<T extends object>(
  given: T,
  checks: { readonly [K in keyof T]?: Check },
): ConfigProblem[] {
  return (Object.keys(checks) as (keyof T & string)[]).flatMap((path) => {
    const message = checks[path]!(given[path]);
    return message === null ? [] : [{ path, message }];
  });
}

/** One problem per unknown key. */
export function unknownKeys(given: object, known: readonly string[]): ConfigProblem[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => ({ path: key, message: `is not known; known are ${known.join(', ')}` }));
}

/** Fills in defaults and lists every problem, unknown keys included. */
export function readOptions<T extends object>(
  given: Partial<T>,
  fields: Fields<T>,
): { options: T; problems: ConfigProblem[] } {
  const known = Object.keys(fields) as (keyof T & string)[];
  const options = Object.fromEntries(
    known.map((key) => [key, given[key] === undefined ? fields[key].default : given[key]]),
  ) as T;
  const checks = Object.fromEntries(known.map((key) => [key, fields[key].check])) as Record<keyof T, Check>;
  return { options, problems: [...unknownKeys(given, known), ...problemsOf(options, checks)] };
}

/** {@link readOptions} that throws InvalidConfigError with every problem. */
export function checkedOptions<T extends object>(what: string, given: Partial<T>, fields: Fields<T>): T {
  const { options, problems } = readOptions(given, fields);
  if (problems.length > 0) throw new InvalidConfigError(what, problems);
  return options;
}
