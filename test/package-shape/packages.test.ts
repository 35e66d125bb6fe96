import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type BuildResult, build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testBrowserPage } from './browser-page.ts';
import { PLAIN_TFJS, USES } from './uses.ts';

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

/** Output of `npm pack --json` for a package. */
interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
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
const packed = new Map<string, Packed>();

beforeAll(async () => {
  work = await mkdtemp(path.join(os.tmpdir(), 'moect-packed-'));
  await run('npm', ['run', '--silent', 'build'], { cwd: root });
  await Promise.all(
    names.map(async (name) => {
      const folder = path.join(root, 'packages', name);
      const flags = ['pack', '--json', '--pack-destination', work];
      const { stdout } = await run('npm', flags, { cwd: folder, maxBuffer: 2 ** 26 });
      // npm 10 gives a list, npm 11 a record
      const [one] = Object.values(JSON.parse(stdout.slice(stdout.search(/[[{]/)))) as [Packed];
      packed.set(name, one);
      tarballs.set(name, path.join(work, path.basename(one.filename)));
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

/** Installs packed packages with the packed ones that they need, and others from the registry. */
async function install(
  project: string,
  wanted: readonly string[],
  extra: readonly string[] = [],
): Promise<void> {
  const all = wanted.reduce((found, name) => closure(name, found), new Set<string>());
  const files = [...all].map((one) => tarballs.get(one)!);
  const flags = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...flags, ...files, ...extra], { cwd: project });
}

testBrowserPage(async () => {
  const folder = await createProject('page');
  return { folder, install: (extra) => install(folder, ['moect', 'backend-webgpu'], extra) };
});

describe('each package, packed and installed alone', () => {
  it.each(names)('%s', { timeout: 180_000 }, async (name) => {
    const project = await createProject(name);
    await install(project, [name]);
    const scoped = await readdir(path.join(project, 'node_modules/@moect')).catch((): string[] => []);
    const installed = name === 'moect' ? [...scoped, 'moect'] : scoped;
    // only the packages that it declares as needed
    expect(installed.sort()).toEqual([...closure(name)].sort());
    // plots are optional: training and measuring bring no plotting library
    expect(await readdir(path.join(project, 'node_modules'))).not.toContain('vega');
    await writeFile(path.join(project, 'use.mjs'), USES[name]!);
    const { stdout } = await run('node', ['use.mjs'], { cwd: project });
    expect(stdout.trim()).toBe('ok');
  });
});

it.each(names)('%s packs no tests, and no test support that only this repository uses', (name) => {
  const { files, unpackedSize } = packed.get(name)!;
  console.log(`${name}: ${(unpackedSize / 1e6).toFixed(2)} MB unpacked`);
  const isPublic = './testing' in manifests.get(name)!.exports;
  const support = files.filter(
    ({ path: file }) =>
      /\.test\.ts$|test-support|fuzz/.test(file) || (!isPublic && /(^|\/)testing(\/|\.)/.test(file)),
  );
  expect(support).toEqual([]);
  expect(files.length).toBeGreaterThan(3);
});

it('backend-wasm trains in a plain program of @tensorflow/tfjs', { timeout: 180_000 }, async () => {
  const project = await createProject('plain-tfjs');
  await install(project, ['backend-wasm'], ['@tensorflow/tfjs@4.22.0']);
  await writeFile(path.join(project, 'use.mjs'), PLAIN_TFJS);
  const { stdout } = await run('node', ['use.mjs'], { cwd: project });
  expect(stdout.trim().split('\n').at(-1)).toBe('ok');
});

it('tensor is bundled for browsers where the optional backends are not installed', {
  timeout: 180_000,
}, async () => {
  const project = await createProject('bundle');
  await install(project, ['tensor']);
  await writeFile(path.join(project, 'page.mjs'), USES['tensor']!);
  const bundle = (file: string): Promise<BuildResult> =>
    build({
      entryPoints: [path.join(project, file)],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      outfile: path.join(project, 'page.js'),
      logLevel: 'silent',
    });
  expect((await bundle('page.mjs')).errors).toEqual([]);
  // a missing package fails the bundle
  await writeFile(path.join(project, 'other.mjs'), "import '@moect/backend-webgpu';");
  await expect(bundle('other.mjs')).rejects.toThrow('Could not resolve');
});
