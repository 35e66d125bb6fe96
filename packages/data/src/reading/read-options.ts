import { InvalidConfigError } from '@moect/core';
import { type Check, number, oneOf, problemsOf } from '@moect/core/options';

/** `lines`: each line a document; `blocks`: blank lines part documents; `whole`: all of it is one. */
export type TextFormat = 'lines' | 'blocks' | 'whole' | 'jsonl';

export interface ReadOptions {
  /** Names the source in messages and document ids, for example the file's path. */
  readonly source: string;
  /** Language code, for example `swh_Latn`. A JSONL record may name another. */
  readonly language: string;
  /** Default `lines`. */
  readonly format?: TextFormat;
  /** JSONL: the field that holds the text. Default `text`. */
  readonly textField?: string;
  /** JSONL: the field that holds the language of a record. Default `language`. */
  readonly languageField?: string;
  /** JSONL: the field that holds the record's id, where there is one. Default `id`. */
  readonly idField?: string;
  /** Policy for broken UTF-8. Default `error`; `replace` puts U+FFFD in its place. */
  readonly invalidUtf8?: 'error' | 'replace' | 'skip-document';
  /** A document longer than this is refused or skipped, so that memory stays bounded. Default 64 MiB. */
  readonly maxDocumentBytes?: number;
  /** Default `error`. */
  readonly oversized?: 'error' | 'skip-document';
}

export type ResolvedReadOptions = Required<ReadOptions>;

const checks: { readonly [K in keyof ReadOptions]?: Check } = {
  format: oneOf('lines', 'blocks', 'whole', 'jsonl'),
  invalidUtf8: oneOf('error', 'replace', 'skip-document'),
  oversized: oneOf('error', 'skip-document'),
  maxDocumentBytes: number({ min: 1, integer: true }),
};

/** Fills in defaults. Throws InvalidConfigError with every problem at once. */
export function resolveReadOptions(options: ReadOptions): ResolvedReadOptions {
  const resolved: ResolvedReadOptions = {
    format: 'lines',
    textField: 'text',
    languageField: 'language',
    idField: 'id',
    invalidUtf8: 'error',
    maxDocumentBytes: 64 * 2 ** 20,
    oversized: 'error',
    ...options,
  };
  const problems = problemsOf(resolved, checks);
  if (resolved.language === '') problems.push({ path: 'language', message: 'is empty' });
  if (problems.length > 0) throw new InvalidConfigError(`Reading ${options.source}`, problems);
  return resolved;
}
