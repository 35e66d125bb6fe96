import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTexts } from '../support/demo-texts.ts';
import { type Program, programsOf } from './code-blocks.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
// inside the tree, so that the workspace's packages resolve
const scratch = path.join(import.meta.dirname, '.tmp');

const packages = (await readdir(path.join(root, 'packages'))).sort();
const readmes = new Map<string, Program[]>();
for (const file of [
  'README.md',
  'docs/tensorflow-js-backend.md',
  ...packages.map((name) => `packages/${name}/README.md`),
]) {
  const place = path.join(root, file);
  if (existsSync(place)) readmes.set(file, programsOf(await readFile(place, 'utf8')));
}
const programs = [...readmes].flatMap(([file, found]) => found.map((program) => ({ file, ...program })));

const lines = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd());

let folder = '';
beforeAll(async () => {
  await mkdir(scratch, { recursive: true });
  folder = await mkdtemp(path.join(scratch, 'run-'));
  await symlink(path.join(root, 'examples/demo/base'), path.join(folder, 'model'));
  await writeTexts(folder);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('programs in READMEs', () => {
  it.each(packages)('%s has one that runs, and shows what it prints', (name) => {
    const found = readmes.get(`packages/${name}/README.md`) ?? [];
    expect(found.some(({ output }) => output !== undefined)).toBe(true);
  });

  // one after the other: each starts its own Node
  it.each(programs)(
    '$file, line $line',
    { timeout: 240_000 },
    async ({ file, line, language, code, output }) => {
      const name = `${file.replaceAll('/', '-')}-${line}.m${language}`;
      const program = path.join(folder, name);
      await writeFile(program, code);
      const flags = ['--conditions=@moect/source', '--import', 'tsx'];
      const { stdout } = await run('node', [...flags, program], { cwd: folder });
      if (output !== undefined) expect(lines(stdout)).toEqual(lines(output));
    },
  );
});
