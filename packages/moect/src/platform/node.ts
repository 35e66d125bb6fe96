import { rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { collectDocuments } from '@moect/data';
import { fileCorpus } from '@moect/data/node';
import { openHiddenStates } from './hidden-states.ts';
import { availableMemory, freeDisk, peakMemory } from './machine.ts';
import type { FileText, Platform } from './platform.ts';
import { readPackFolder } from './read-pack-folder.ts';
import { openRunFolder, readRecord } from './run-folder.ts';
import { writeFolder } from './write-folder.ts';

/** What is no file at a path, said before any is read. */
async function fileProblem(file: string): Promise<string | null> {
  try {
    return (await stat(file)).isDirectory() ? `is a folder; name the files in it: ${join(file, '*')}` : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return `is not there (looked in ${dirname(file)})`;
    return (error as Error).message;
  }
}

async function checkFiles({ code, files }: FileText): Promise<void> {
  const found = await Promise.all(files.map(async (path) => ({ path, message: await fileProblem(path) })));
  const problems = found.flatMap(({ path, message }) => (message === null ? [] : [{ path, message }]));
  if (problems.length > 0) throw new InvalidConfigError(`Text of ${code}`, problems, 'Check the paths.');
}

/** Documents of a language from files; records of a JSONL file that name another language are left out. */
async function readFiles(text: FileText): ReturnType<Platform['readFiles']> {
  await checkFiles(text);
  const { code, role, files, format, ...settings } = text;
  const corpus = fileCorpus({
    language: code,
    role: role === 'unseen' ? 'unknown' : role,
    files,
    textField: settings.textField,
    invalidUtf8: settings.invalidUtf8,
    normalization: settings.normalization,
    ...(format !== undefined && { format }),
  });
  return { documents: await collectDocuments(corpus.documents()), reports: corpus.reports };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Platform of Node: files, folders and the machine. */
export const nodePlatform: Platform = {
  readFiles,
  isFile,
  availableMemory,
  freeDisk,
  peakMemory,
  absolute: (folder) => resolve(folder),
  readRecord,
  removeFolder: (folder) => rm(folder, { recursive: true, force: true }),
  openRun: openRunFolder,
  openHiddenStates,
  readPack: readPackFolder,
  writeFolder,
};
