import type { TextFormat } from './read-options.ts';

/** Endings of names, in lower case, with what they hold; each may have .gz behind it. */
const ENDINGS: readonly (readonly [ending: string, format: TextFormat])[] = [
  ['.jsonl', 'jsonl'],
  ['.ndjson', 'jsonl'],
  ['.txt', 'lines'],
];

/** The endings that readers know, for messages. */
export const KNOWN_ENDINGS = ENDINGS.map(([ending]) => ending);

/** `jsonl` for .jsonl and .ndjson, `lines` for .txt, each also with .gz behind it; null for other names. */
export function formatOfName(name: string): TextFormat | null {
  const plain = name.toLowerCase().replace(/\.gz$/, '');
  return ENDINGS.find(([ending]) => plain.endsWith(ending))?.[1] ?? null;
}

/**
 * The format of a file. `lines`, `blocks` and `whole` say how plain text is divided and leave files of records what they
 * are; `jsonl` holds for every name.
 * @returns null where neither the name nor the setting tells
 */
export function formatFor(name: string, given: TextFormat | undefined): TextFormat | null {
  const own = formatOfName(name);
  if (given === undefined || (own === 'jsonl' && given !== 'jsonl')) return own;
  return given;
}
