import { existsSync } from 'node:fs';
import fs, { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renamePatiently, replaceFolder } from './replace-folder.ts';
import { writeFileAtomic } from './write-atomic.ts';

const { rename } = fs;
let folder = '';

/** Makes `rename` fail as on a drive that a virus scanner watches, for the calls that `fails` picks. */
function faulty(code: string, fails: (call: number) => boolean): () => number {
  let calls = 0;
  fs.rename = async (from, to) => {
    if (fails(++calls)) throw Object.assign(new Error(`${code}: injected`), { code });
    return rename(from, to);
  };
  syncBuiltinESMExports();
  return () => calls;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-replace-'));
  for (const name of ['old', 'new']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'file'), name);
  }
});
afterEach(async () => {
  fs.rename = rename;
  syncBuiltinESMExports();
  await rm(folder, { recursive: true });
});

describe('renames', () => {
  it.each(['EPERM', 'EBUSY'])('are tried again after %s', async (code) => {
    const calls = faulty(code, (call) => call <= 2);
    await renamePatiently(join(folder, 'new'), join(folder, 'moved'));
    expect(calls()).toBe(3);
    await writeFileAtomic(join(folder, 'file'), 'text');
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('text');
  });

  it('are not tried again where waiting does not help', async () => {
    const calls = faulty('ENOSPC', () => true);
    await expect(renamePatiently(join(folder, 'new'), join(folder, 'moved'))).rejects.toThrow('ENOSPC');
    expect(calls()).toBe(1);
  });
});

describe('a folder that is replaced', () => {
  const content = (): Promise<string> => readFile(join(folder, 'old/file'), 'utf8');

  it('is the new one afterwards, and nothing else is left', async () => {
    faulty('EBUSY', (call) => call === 1 || call === 3);
    await replaceFolder(join(folder, 'new'), join(folder, 'old'));
    expect(await content()).toBe('new');
    expect(await readdir(folder)).toEqual(['old']);
  });

  it('is the old one where the second rename fails, and the new one is kept', async () => {
    faulty('EXDEV', (call) => call === 2);
    await expect(replaceFolder(join(folder, 'new'), join(folder, 'old'))).rejects.toThrow('EXDEV');
    expect(await content()).toBe('old');
    expect(existsSync(join(folder, 'new/file'))).toBe(true);
  });
});
