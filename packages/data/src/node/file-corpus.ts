import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { InvalidConfigError, type LanguageRole } from '@moect/core';
import { corpusSource, type ReadableCorpus } from '../reading/corpus-source.ts';
import { readDocuments } from '../reading/read-documents.ts';
import type { ReadOptions, TextFormat } from '../reading/read-options.ts';
import { formatFor, formatOfName, KNOWN_ENDINGS } from '../reading/text-formats.ts';

export interface FileCorpusOptions extends Omit<ReadOptions, 'source'> {
  readonly role: LanguageRole;
  /** The files, read in this order. */
  readonly files: readonly string[];
}

/** `jsonl` for .jsonl and .ndjson, `lines` for .txt, each also with .gz behind it; null for other names. */
export function formatOfFile(file: string): TextFormat | null {
  return formatOfName(basename(file));
}

/**
 * Text of one language in files, read as a stream each time `documents()` is called. Files of records are known by their
 * names; a format divides the others. Records that name another language are left out and counted.
 * Throws InvalidConfigError for no files and unknown names; reading throws what `readDocuments` throws, and the file
 * system's errors.
 */
export function fileCorpus(options: FileCorpusOptions): ReadableCorpus {
  const { role, files, ...reading } = options;
  const problems = files.flatMap((file, i) =>
    formatFor(basename(file), reading.format) !== null
      ? []
      : [
          {
            path: `files[${i}]`,
            message: `${file} is neither ${KNOWN_ENDINGS.join(' nor ')} (also with .gz)`,
          },
        ],
  );
  if (files.length === 0) problems.push({ path: 'files', message: 'is empty' });
  if (problems.length > 0) {
    throw new InvalidConfigError(
      `Corpus of ${options.language}`,
      problems,
      'Give the format (--format, data.format): lines, blocks, whole or jsonl.',
    );
  }
  return corpusSource(options.language, role, function* () {
    for (const file of files) {
      const format = formatFor(basename(file), reading.format)!;
      yield readDocuments(createReadStream(file), { ...reading, source: file, format });
    }
  });
}
