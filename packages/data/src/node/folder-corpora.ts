import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type LanguageRole, NoSuchComponentError } from '@moect/core';
import type { ReadableCorpus } from '../reading/corpus-source.ts';
import { type FileCorpusOptions, fileCorpus, formatOfFile } from './file-corpus.ts';

export interface FolderLanguage {
  readonly code: string;
  readonly role: LanguageRole;
}

/** `swh_Latn.txt`, `swh_Latn.part-2.jsonl.gz`: the code, a dot, anything, a known ending. */
function belongsTo(file: string, code: string): boolean {
  return file.startsWith(`${code}.`) && formatOfFile(file) !== null;
}

/**
 * Corpora from a folder with files named after language codes (`swh_Latn.txt`, `swh_Latn.jsonl.gz`,
 * `swh_Latn.part-2.jsonl`), several files a language in order of name.
 * Throws NoSuchComponentError that lists what was found where a language has no file.
 */
export async function folderCorpora(
  folder: string,
  languages: readonly FolderLanguage[],
  options: Omit<FileCorpusOptions, 'files' | 'language' | 'role'> = {},
): Promise<ReadableCorpus[]> {
  const found = (await readdir(folder)).sort();
  return languages.map(({ code, role }) => {
    const files = found.filter((file) => belongsTo(file, code)).map((file) => join(folder, file));
    if (files.length === 0) {
      throw new NoSuchComponentError(
        'text file for language',
        code,
        found.filter((file) => formatOfFile(file) !== null),
        `Put ${code}.txt or ${code}.jsonl (or either with .gz) into ${folder}.`,
      );
    }
    return fileCorpus({ ...options, language: code, role, files });
  });
}
