import { readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatOfFile } from '@moect/data/node';
import { isGgufName } from '../base/local-source.ts';
import { parseHubName } from '../hub/hub-name.ts';
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

async function baseProblem(base: string, folder: string): Promise<string | null> {
  const path = resolve(folder, base);
  const kind = await kindOf(path);
  if (kind === 'none' && parseHubName(base) !== null) return null;
  if (kind === 'none') return `there is no folder ${path}; a model of the hub is named org/name`;
  if (kind === 'file')
    return isGgufName(path) ? null : `${path} is no GGUF file; give one, or the model's folder`;
  const names = await readdir(path);
  const isBase = names.includes('config.json') || names.some(isGgufName);
  return isBase ? null : `${path} has neither config.json nor a GGUF file`;
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
    await check(['base'], root['base'], baseProblem(root['base'], folder));
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
