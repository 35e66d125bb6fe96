import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatOfFile } from '@moect/data/node';
import type { KeyPath } from './key-path.ts';
import type { Found } from './meaning-problems.ts';

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'none';
  }
}

async function fileProblem(path: string, hasFormat: boolean): Promise<string | null> {
  const kind = await kindOf(path);
  if (kind === 'none') return `there is no file ${path}`;
  if (kind === 'folder') return `${path} is a folder; name the files in it`;
  if (hasFormat || formatOfFile(path) !== null) return null;
  return `${path} is neither .txt nor .jsonl (also with .gz); give data.format (--format)`;
}

async function baseProblem(path: string): Promise<string | null> {
  const kind = await kindOf(path);
  if (kind === 'none') return `there is no folder ${path}`;
  if (kind === 'file') return `${path} is a file; give its folder`;
  return (await kindOf(resolve(path, 'config.json'))) === 'file' ? null : `${path} has no config.json`;
}

/** Problems of missing files and folders. Reads the raw value. */
export async function fileProblems(value: unknown, folder: string): Promise<Found[]> {
  const root = asRecord(value);
  const format = asRecord(root['data'])['format'];
  const found: Found[] = [];
  const check = async (path: KeyPath, given: unknown, problem: Promise<string | null>): Promise<void> => {
    const message = await problem;
    if (typeof given === 'string' && message !== null) found.push({ path, message });
  };
  if (typeof root['base'] === 'string') {
    await check(['base'], root['base'], baseProblem(resolve(folder, root['base'])));
  }
  for (const at of [['languages'], ['evaluation', 'languages']]) {
    const list = at.reduce<unknown>((node, key) => asRecord(node)[key], root);
    for (const [i, language] of (Array.isArray(list) ? list : []).entries()) {
      const files = asRecord(language)['files'];
      for (const [j, file] of (Array.isArray(files) ? files : []).entries()) {
        if (typeof file !== 'string' || file === '') continue;
        await check([...at, i, 'files', j], file, fileProblem(resolve(folder, file), format !== undefined));
      }
    }
  }
  return found;
}
