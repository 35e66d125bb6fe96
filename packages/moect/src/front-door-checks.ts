import { type ConfigProblem, type Extension, InvalidConfigError, type ParamMap } from '@moect/core';
import type { Base } from './base/base.ts';
import { didYouMean } from './config/did-you-mean.ts';

function refuse(what: string, problems: readonly ConfigProblem[], hint = ''): never {
  throw new InvalidConfigError(what, problems, hint);
}

/** Whether weights were freed; all of a base or pack are freed together. */
const areFreed = (parameters: ParamMap | undefined): boolean =>
  [...(parameters?.values() ?? [])][0]?.isDisposed === true;

/** Throws InvalidConfigError for what is no base, and for one that was disposed. */
export function checkBase(what: string, base: Base): void {
  const given = base as Partial<Base> | null | undefined;
  const hint = "Give what `await openBase('./model')` gives.";
  if (given?.platform === undefined) refuse(what, [{ path: 'base', message: 'is no base' }], hint);
  if (areFreed(given?.model?.parameters)) {
    refuse(what, [{ path: 'base', message: 'was disposed' }], 'Open it again, and dispose it last.');
  }
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
  if (!Array.isArray(packs) || !packs.every(isPack)) {
    refuse(
      what,
      [{ path: 'packs', message: 'must be a list of packs' }],
      'Give [pack], of `train` or of `await openPack(base, folder)`.',
    );
  }
  for (const [i, { extension }] of (packs as readonly { readonly extension: Extension }[]).entries()) {
    if (!areFreed(extension.parameters)) continue;
    const message = 'was disposed; open it again, and dispose it last';
    refuse(what, [{ path: `packs[${i}]`, message }]);
  }
}
