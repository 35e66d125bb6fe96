import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, parseDocument, stringify } from 'yaml';
import { seenFrom } from '../platform/seen-from.ts';
import { mapPlaces } from './record-places.ts';

export interface GivenConfig {
  /** As given. */
  readonly text: string;
  /** Its value, with what flags changed. */
  readonly value: unknown;
  /** Folder of its relative paths. */
  readonly folder: string;
}

type Collection = Readonly<Record<string, unknown>> | readonly unknown[];

const isCollection = (value: unknown): value is Collection => typeof value === 'object' && value !== null;

/** Two maps, or two lists of the same length: what differs inside can be changed in place. */
const areAlike = (a: unknown, b: unknown): boolean =>
  isCollection(a) &&
  isCollection(b) &&
  Array.isArray(a) === Array.isArray(b) &&
  (!Array.isArray(a) || a.length === (b as readonly unknown[]).length);

/** Puts what differs into the document, as deep as both are alike, so that comments stay where they are. */
function update(
  document: Document,
  path: readonly (string | number)[],
  before: unknown,
  after: unknown,
): void {
  if (isDeepStrictEqual(before, after)) return;
  if (!areAlike(before, after)) {
    if (after === undefined) document.deleteIn(path);
    else document.setIn(path, isCollection(after) ? document.createNode(after) : after);
    return;
  }
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    update(document, [...path, Array.isArray(before) ? Number(key) : key], a[key], b[key]);
  }
}

/**
 * The text of a configuration that repeats a run from the run's own folder: comments as given, what flags changed, paths
 * as seen from there, and the folder itself as output.
 */
export function repeatableText({ text, value, folder }: GivenConfig, output: string): string {
  const placed = mapPlaces(value, (path, key) => {
    const place = resolve(folder, path);
    // a base may also be a name in place of a folder
    return key === 'base' && !existsSync(place) ? path : seenFrom(output, place);
  });
  const wanted = { ...(placed as Record<string, unknown>), output: '.' };
  try {
    const document = parseDocument(text);
    update(document, [], document.toJS(), wanted);
    return document.toString({ lineWidth: 0 });
  } catch {
    // anchors and merge keys cannot be changed in place
    return stringify(wanted, { aliasDuplicateObjects: false });
  }
}
