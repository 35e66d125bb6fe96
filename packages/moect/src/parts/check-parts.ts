import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import { didYouMean } from '../config/did-you-mean.ts';
import { PART_KEYS } from './parts.ts';

const KEYS = [...Object.keys(PART_KEYS), 'families', 'presets'];
const LISTS = ['families', 'presets'];

/** Use of one extension inside the layers: no combination can have its name. */
const TAKEN = 'gate';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function entryProblem(key: string, name: string, entry: unknown): string | null {
  if (key === 'combinations' && name === TAKEN) {
    return 'is the name of the use inside the layers; give the combination another';
  }
  if (key === 'methods') {
    const { attach } = (entry ?? {}) as { readonly attach?: unknown };
    return typeof attach === 'function' ? null : 'is no method: { contract, name, attach }';
  }
  return typeof entry === 'function' ? null : `is no function that makes one from its settings`;
}

function problemsOf(key: string, entry: unknown): ConfigProblem[] {
  if (key === 'from' || entry === undefined) return [];
  if (!KEYS.includes(key)) return [{ path: key, message: `is no kind of parts.${didYouMean(key, KEYS)}` }];
  if (LISTS.includes(key)) {
    return Array.isArray(entry) ? [] : [{ path: key, message: 'must be a list' }];
  }
  if (!isObject(entry)) return [{ path: key, message: 'must be an object: parts by their names' }];
  return Object.entries(entry).flatMap(([name, part]) => {
    const message = entryProblem(key, name, part);
    return message === null ? [] : [{ path: `${key}.${name}`, message }];
  });
}

/** Throws InvalidConfigError for parts of no known kind, and for entries that cannot be parts. */
export function checkParts(value: object, source: string): void {
  const problems = Object.entries(value).flatMap(([key, entry]) => problemsOf(key, entry));
  if (problems.length > 0) throw new InvalidConfigError(source, problems);
}
