import { InvalidConfigError } from '@moect/core';
import { type Check, number, oneOf, problemsOf } from '@moect/core/options';

/**
 * What a document is. `lines`: each line; `blocks`: what stands between blank lines; `whole`: the file; `jsonl`: each
 * record.
 */
export type TextFormat = 'lines' | 'blocks' | 'whole' | 'jsonl';

/**
 * Unicode form of all text (UAX #15). `NFC`: a letter and its accents are one character where Unicode has one, so that
 * equal text is equal tokens; `none`: as it stands.
 */
export type Normalization = 'NFC' | 'none';

export interface ReadOptions {
  /** Names the source in messages and document ids, for example the file's path. */
  readonly source: string;
  /** Language code, for example `swh_Latn`. A JSONL record may name another. */
  readonly language: string;
  /** Default `lines`. */
  readonly format?: TextFormat;
  /** JSONL: the field that holds the text; of several the first that a record has. Default `text`. */
  readonly textField?: string | readonly string[];
  /** JSONL: the field that holds the language of a record. Default `language`. */
  readonly languageField?: string;
  /** JSONL: the field that holds the script, where it stands beside the language. Default `language_script`. */
  readonly scriptField?: string;
  /** JSONL: the field that holds the record's id, where there is one. Default `id`. */
  readonly idField?: string;
  /** Policy for broken UTF-8 and NUL bytes. Default `error`; `replace` puts U+FFFD in their place. */
  readonly invalidUtf8?: 'error' | 'replace' | 'skip-document';
  /** Default `NFC`. */
  readonly normalization?: Normalization;
  /** A document longer than this is refused or skipped, so that memory stays bounded. Default 64 MiB. */
  readonly maxDocumentBytes?: number;
  /** Default `error`. */
  readonly oversized?: 'error' | 'skip-document';
}

export interface ResolvedReadOptions extends Omit<Required<ReadOptions>, 'textField'> {
  readonly textField: readonly string[];
}

const checks: { readonly [K in keyof ReadOptions]?: Check } = {
  format: oneOf('lines', 'blocks', 'whole', 'jsonl'),
  invalidUtf8: oneOf('error', 'replace', 'skip-document'),
  normalization: oneOf('NFC', 'none'),
  oversized: oneOf('error', 'skip-document'),
  maxDocumentBytes: number({ min: 1, integer: true }),
};

/** Fills in defaults. Throws InvalidConfigError with every problem at once. */
export function resolveReadOptions(options: ReadOptions): ResolvedReadOptions {
  const { textField = 'text', ...others } = options;
  const resolved: ResolvedReadOptions = {
    format: 'lines',
    languageField: 'language',
    scriptField: 'language_script',
    idField: 'id',
    invalidUtf8: 'error',
    normalization: 'NFC',
    maxDocumentBytes: 64 * 2 ** 20,
    oversized: 'error',
    ...others,
    textField: typeof textField === 'string' ? [textField] : textField,
  };
  const problems = problemsOf(resolved, checks);
  if (resolved.language === '') problems.push({ path: 'language', message: 'is empty' });
  if (resolved.textField.length === 0) problems.push({ path: 'textField', message: 'is empty' });
  if (problems.length > 0) throw new InvalidConfigError(`Reading ${options.source}`, problems);
  return resolved;
}
