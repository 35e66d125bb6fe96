import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { collectDocuments } from '@moect/data';
import { fileCorpus } from '@moect/data/node';
import { withoutText } from '../training/no-text.ts';
import { openHiddenStates } from './hidden-states.ts';
import { availableMemory, freeDisk, peakMemory } from './machine.ts';
import type { FileText, Platform } from './platform.ts';
import { readPackFolder } from './read-pack-folder.ts';
import { openRunFolder, readRecord } from './run-folder.ts';
import { writeFolder } from './write-folder.ts';

/** Documents of a language from files; records of a JSONL file that name another language are left out. */
async function readFiles({
  code,
  role,
  files,
  format,
  textField,
}: FileText): ReturnType<Platform['readFiles']> {
  const corpus = fileCorpus({
    language: code,
    role: role === 'unseen' ? 'unknown' : role,
    files,
    textField,
    ...(format !== undefined && { format }),
  });
  const documents = await collectDocuments(corpus.documents());
  if (documents.length > 0) return documents;
  throw withoutText(code, files.join(', '), corpus.otherLanguages);
}

/** Platform of Node: files, folders and the machine. */
export const nodePlatform: Platform = {
  readFiles,
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
