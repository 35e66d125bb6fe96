import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';

const packages = path.resolve(import.meta.dirname, '../../packages');
const LARGEST_SHARE = 0.3;

/** Handwritten source that is shipped or compiled: no tests, no test support, nothing generated. */
function isCounted(file: string): boolean {
  const parts = file.split(path.sep);
  return (
    file.endsWith('.ts') &&
    !file.endsWith('.test.ts') &&
    !parts.some((part) => part === 'generated' || part === 'testing')
  );
}

async function linesIn(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException): string[] => {
    // most packages have no assembly
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const texts = files.filter(isCounted).map((file) => readFile(path.join(folder, file), 'utf8'));
  return (await Promise.all(texts)).reduce((sum, text) => sum + text.split('\n').length - 1, 0);
}

it('no package holds more than 30 % of the lines', async () => {
  const names = await readdir(packages);
  const lines = await Promise.all(
    names.map(async (name) => {
      const folders = ['src', 'assembly'].map((folder) => path.join(packages, name, folder));
      return (await Promise.all(folders.map(linesIn))).reduce((a, b) => a + b, 0);
    }),
  );
  const total = lines.reduce((a, b) => a + b, 0);
  // a wrong path would count nothing and pass
  expect(total).toBeGreaterThan(20_000);
  const shares = names.map((name, i) => [name, lines[i]! / total] as const);
  const tooLarge = shares.filter(([, share]) => share > LARGEST_SHARE);
  expect(tooLarge.map(([name, share]) => `${name}: ${(100 * share).toFixed(1)} %`)).toEqual([]);
});
