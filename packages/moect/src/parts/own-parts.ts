import type { Extension, Settings } from '@moect/core';
import type { Moect } from './moect.ts';
import type { OwnPart } from './parts.ts';

/** Names that an extension uses. */
interface Names {
  readonly extension: Pick<Extension, 'method' | 'config'>;
  readonly combine: string;
  /** Architecture of the base. */
  readonly architecture: string;
}

function isUsed({ kind, name }: OwnPart, { extension, combine, architecture }: Names): boolean {
  if (kind === 'family') return architecture === name;
  if (kind === 'method') return extension.method === name;
  if (kind === 'combination') return combine === name;
  const component = extension.config[kind];
  return typeof component === 'object' && component !== null && (component as Settings)['type'] === name;
}

/** The added parts that an extension needs to be used again. */
export function usedParts({ ownParts }: Pick<Moect, 'ownParts'>, names: Names): OwnPart[] {
  return ownParts.filter((part) => isUsed(part, names));
}

/** The needed parts that are missing. */
export function missingParts({ ownParts }: Pick<Moect, 'ownParts'>, needed: readonly OwnPart[]): OwnPart[] {
  return needed.filter(({ kind, name }) => !ownParts.some((own) => own.kind === kind && own.name === name));
}
