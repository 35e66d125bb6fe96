import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';

const packages = path.resolve(import.meta.dirname, '../../packages');
const licence = await readFile(path.resolve(packages, '../LICENSE'), 'utf8');

it.each(await readdir(packages))('%s says what it is, and carries its licence', async (name) => {
  const folder = path.join(packages, name);
  const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ license: 'Apache-2.0', engines: { node: '>=20.19' } });
  expect(manifest.description.length).toBeGreaterThan(20);
  expect(manifest.keywords.length).toBeGreaterThan(2);
  // npm packs a file of this name by itself, but only from the package's own folder
  expect(await readFile(path.join(folder, 'LICENSE'), 'utf8')).toBe(licence);
});
