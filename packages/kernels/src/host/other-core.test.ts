import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { otherCore } from './other-core.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-core-'));
  const core = join(folder, 'node_modules/@tensorflow/tfjs-core');
  await mkdir(core, { recursive: true });
  await writeFile(join(core, 'package.json'), '{ "name": "@tensorflow/tfjs-core", "version": "4.20.0" }');
});
afterAll(() => rm(folder, { recursive: true }));

it("finds another version beside a program's own file, and nothing where it is the same or absent", () => {
  expect(otherCore(join(folder, 'program.mjs'), '4.22.0')).toBe('4.20.0');
  expect(otherCore(join(folder, 'program.mjs'), '4.20.0')).toBeNull();
  expect(otherCore(join(tmpdir(), 'nowhere/program.mjs'), '4.22.0')).toBeNull();
});
