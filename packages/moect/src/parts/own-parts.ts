import type { Extension, Settings } from '@moect/core';
import type { Moect } from './moect.ts';
import type { OwnPart } from './parts.ts';

/** What an extension names. */
interface Names {
  readonly extension: Pick<Extension, 'method' | 'config'>;
  readonly combine: string;
  /** Of the base. */
  readonly architecture: string;
}

function isUsed({ kind, name }: OwnPart, { extension, combine, architecture }: Names): boolean {
  if (kind === 'family') return architecture === name;
  if (kind === 'method') return extension.method === name;
  if (kind === 'combination') return combine === name;
  const component = extension.config[kind];
  return typeof component === 'object' && component !== null && (component as Settings)['type'] === name;
}

/** The added parts without which an extension cannot be used again. */
export function usedParts({ ownParts }: Pick<Moect, 'ownParts'>, names: Names): OwnPart[] {
  return ownParts.filter((part) => isUsed(part, names));
}

/** Those of the parts that are not there. */
export function missingParts({ ownParts }: Pick<Moect, 'ownParts'>, needed: readonly OwnPart[]): OwnPart[] {
  return needed.filter(({ kind, name }) => !ownParts.some((own) => own.kind === kind && own.name === name));
}
