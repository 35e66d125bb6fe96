import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import type { Base } from './base/base.ts';
import { didYouMean } from './config/did-you-mean.ts';

function refuse(what: string, problems: readonly ConfigProblem[], hint = ''): never {
  throw new InvalidConfigError(what, problems, hint);
}

/** Throws InvalidConfigError for what is no base. */
export function checkBase(what: string, base: Base): void {
  if ((base as Partial<Base> | null | undefined)?.platform !== undefined) return;
  refuse(what, [{ path: 'base', message: 'is no base' }], "Give what `await openBase('./model')` gives.");
}

/** Throws InvalidConfigError for options that nobody knows, each with what was probably meant. */
export function checkOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuse(what, [{ path: 'options', message: `must be an object with ${known.join(', ')}` }]);
  }
  const problems = Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => ({ path: key, message: `is no known option.${didYouMean(key, known)}` }));
  if (problems.length > 0) refuse(what, problems);
}

/** Throws InvalidConfigError for what is no list of packs. */
export function checkPacks(what: string, packs: unknown): void {
  const isPack = (pack: unknown): boolean =>
    (pack as { extension?: unknown } | null | undefined)?.extension !== undefined;
  if (Array.isArray(packs) && packs.every(isPack)) return;
  refuse(
    what,
    [{ path: 'packs', message: 'must be a list of packs' }],
    'Give [pack], of `train` or of `await openPack(base, folder)`.',
  );
}
