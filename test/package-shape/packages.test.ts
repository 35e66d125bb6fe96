import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testBrowserPage } from './browser-page.ts';
import { USES } from './uses.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Record<string, string>;
  readonly exports: Record<string, unknown>;
}

const names = (await readdir(path.join(root, 'packages'))).sort();
const manifests = new Map<string, Manifest>();
for (const name of names) {
  const file = path.join(root, 'packages', name, 'package.json');
  manifests.set(name, JSON.parse(await readFile(file, 'utf8')) as Manifest);
}

/** Folder names of the package and all workspace packages that it needs. */
function closure(name: string, found: Set<string> = new Set()): Set<string> {
  found.add(name);
  for (const dependency of Object.keys(manifests.get(name)!.dependencies ?? {})) {
    const folder = dependency.replace('@moect/', '');
    if (dependency.startsWith('@moect/') && !found.has(folder)) closure(folder, found);
  }
  return found;
}

let work = '';
const tarballs = new Map<string, string>();

beforeAll(async () => {
  work = await mkdtemp(path.join(os.tmpdir(), 'moect-packed-'));
  await run('npm', ['run', '--silent', 'build'], { cwd: root });
  await Promise.all(
    names.map(async (name) => {
      const folder = path.join(root, 'packages', name);
      const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', work], { cwd: folder });
      tarballs.set(name, path.join(work, stdout.trim().split('\n').at(-1)!));
    }),
  );
}, 400_000);

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

/** An empty project. */
async function createProject(name: string): Promise<string> {
  const project = path.join(work, `project-${name}`);
  await mkdir(project);
  const manifest = { name: 'empty', private: true, type: 'module' };
  await writeFile(path.join(project, 'package.json'), JSON.stringify(manifest));
  return project;
}

/** Installs a packed package with the packed ones that it needs, and others from the registry. */
async function install(project: string, name: string, extra: readonly string[] = []): Promise<void> {
  const files = [...closure(name)].map((one) => tarballs.get(one)!);
  const flags = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...flags, ...files, ...extra], { cwd: project });
}

testBrowserPage(async () => {
  const folder = await createProject('page');
  return { folder, install: (extra) => install(folder, 'moect', extra) };
});

describe('each package, packed and installed alone', () => {
  it.each(names)('%s', { timeout: 180_000 }, async (name) => {
    const project = await createProject(name);
    await install(project, name);
    const scoped = await readdir(path.join(project, 'node_modules/@moect')).catch((): string[] => []);
    const installed = name === 'moect' ? [...scoped, 'moect'] : scoped;
    // nothing more than what it says it needs
    expect(installed.sort()).toEqual([...closure(name)].sort());
    // plots are optional: training and measuring bring no plotting library
    expect(await readdir(path.join(project, 'node_modules'))).not.toContain('vega');
    await writeFile(path.join(project, 'use.mjs'), USES[name]!);
    const { stdout } = await run('node', ['use.mjs'], { cwd: project });
    expect(stdout.trim()).toBe('ok');
  });
});
