import { InvalidConfigError } from '@moect/core';
import type { Platform } from '../platform/platform.ts';
import type { TextFiles, Texts } from './texts-shape.ts';

/** Longest path of Linux and macOS; Windows has shorter ones. */
const LONGEST_PATH = 4096;
const LOOKS_LIKE_PATH =
  /^\S+\.(txt|jsonl|ndjson|json|csv|tsv|parquet|md)(\.(gz|zst|bz2|xz))?$|^(\.{0,2}[/\\]|[A-Za-z]:[/\\])\S+$/i;

/**
 * Refuses the name of a file where its text is asked for: one line that looks like a path or is one.
 * Throws InvalidConfigError.
 */
export async function refusePath(
  code: string,
  texts: Exclude<Texts, TextFiles>,
  platform: Pick<Platform, 'isFile'>,
): Promise<void> {
  const given = typeof texts === 'string' ? [texts] : Array.isArray(texts) ? (texts as unknown[]) : [];
  const isPath = async (text: unknown): Promise<boolean> =>
    typeof text === 'string' &&
    text.length <= LONGEST_PATH &&
    !/[\r\n]/.test(text) &&
    text.trim() !== '' &&
    (LOOKS_LIKE_PATH.test(text) || (await platform.isFile(text)));
  // one document that is a path may be a strange text; texts of nothing else are a mistake
  for (const text of given) if (!(await isPath(text))) return;
  if (given.length === 0) return;
  const files = given.map((text) => `'${text}'`).join(', ');
  throw new InvalidConfigError(
    `Text of ${code}`,
    [{ path: code, message: `is ${files}, the name of a file, not its text` }],
    `Give the file: { ${code}: { files: [${files}] } }.`,
  );
}
