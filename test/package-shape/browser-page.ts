import { execFile } from 'node:child_process';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { selectBackend } from '@moect/tensor';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../examples/browser/scripts/build.ts';
import { type PageServer, servePage } from '../../examples/browser/scripts/serve.ts';
import { unpack } from '../../examples/browser/scripts/unpack.ts';
import { makeTinyBase } from '../../packages/moect/src/testing/make-tiny-base.ts';
import { type Browser, findChromium, launchChromium } from '../support/chromium.ts';
import { fixture } from '../support/fixtures.ts';

const run = promisify(execFile);
const examples = path.resolve(import.meta.dirname, '../../examples');
const executable = findChromium();
const title = executable === undefined ? ' (skipped: no chromium in PATH, and CHROMIUM names none)' : '';

/** A project with the packed packages. */
export interface PackedProject {
  readonly folder: string;
  install(extra: readonly string[]): Promise<void>;
}

interface Settings {
  readonly steps: number;
  readonly batch: number;
  readonly length: number;
  readonly backend?: string;
  /** GiB */
  readonly gpuMemory?: number;
  /** Text in place of the first sample. */
  readonly file?: string;
  /** Text for replay. */
  readonly oldFile?: string;
  /** A GGUF file in place of the page's model. */
  readonly model?: string;
}

async function start(
  page: Page,
  { steps, batch, length, backend = 'auto', gpuMemory, file, oldFile, model }: Settings,
): Promise<void> {
  await page.locator('#sample option').first().waitFor({ state: 'attached' });
  await page.locator('summary').click();
  if (file !== undefined) {
    await page.selectOption('#sample', 'own');
    await page.setInputFiles('#file', file);
  }
  if (model !== undefined) await page.setInputFiles('#model', model);
  if (oldFile !== undefined) await page.setInputFiles('#old-file', oldFile);
  await page.fill('#steps', String(steps));
  await page.fill('#batch', String(batch));
  await page.fill('#length', String(length));
  await page.selectOption('#backend', backend);
  if (gpuMemory !== undefined) await page.fill('#gpu-memory', String(gpuMemory));
  await page.click('#start');
}

/** Waits until a pack can be saved. @throws the error that the page shows */
async function finished(page: Page): Promise<void> {
  await page.locator('#save:enabled, #error:visible').first().waitFor({ timeout: 120_000 });
  if (await page.isVisible('#error')) throw new Error((await page.textContent('#error'))!);
}

/** Bits per byte of the new language as the page shows them: before, after. */
async function shownScores(page: Page): Promise<number[]> {
  const cells = await page.locator('#scores tr').first().locator('td').allTextContents();
  return cells.slice(0, 2).map(Number);
}

/** Saves the pack and unpacks it. */
async function savePack(page: Page, folder: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  await unpack(await download.path(), folder);
  return folder;
}

/** The page of examples/browser, built on the packages as they are published, in a real browser. */
export function testBrowserPage(createProject: () => Promise<PackedProject>): void {
  describe.skipIf(executable === undefined)(`examples/browser on them${title}`, { timeout: 180_000 }, () => {
    let project: PackedProject;
    let browser: Browser;
    const servers = new Map<string, PageServer>();

    async function open(server: 'isolated' | 'plain' | 'tiny'): Promise<Page> {
      const page = await browser.context.newPage();
      await page.goto(`${servers.get(server)!.origin}/`);
      return page;
    }

    /** Bits per byte by `moect eval`, in the language of the only held-out file. */
    async function evaluate(base: string, pack: string, language: string): Promise<number> {
      const text = path.join(pack, `held-out/${language}.jsonl`);
      const flags = ['eval', '--json', '--base', base, '--extension', path.join(pack, 'extension')];
      const { stdout } = await run('npx', ['moect', ...flags, '--text', text], { cwd: project.folder });
      return JSON.parse(stdout).languages[0].bitsPerByte;
    }

    /** Trains, saves, and checks the shown score with the command line. Returns the shown values. */
    async function checkRun(
      page: Page,
      settings: Settings,
      base: string,
      language: string,
    ): Promise<number[]> {
      await start(page, settings);
      await finished(page);
      const [before, after] = await shownScores(page);
      expect(after).toBeLessThan(before!);
      const pack = await savePack(page, path.join(project.folder, `pack-${servers.size}-${Date.now()}`));
      expect(Math.abs((await evaluate(base, pack, language)) - after!)).toBeLessThan(1e-3);
      return [before!, after!];
    }

    beforeAll(async () => {
      project = await createProject();
      await project.install(['@tensorflow/tfjs-backend-webgpu@4.22.0', 'fflate@0.8']);
      await cp(path.join(examples, 'browser/src'), path.join(project.folder, 'src'), { recursive: true });
      const [output, tiny] = ['page', 'tiny-page'].map((name) => path.join(project.folder, name));
      await buildPage({ folder: project.folder, output: output!, packages: 'published' });
      await cp(output!, tiny!, { recursive: true });
      await selectBackend('wasm');
      await makeTinyBase(path.join(tiny!, 'base'));
      const known = { id: 'a', language: 'eng_Latn', text: 'the old language' };
      await writeFile(path.join(tiny!, 'known/eng_Latn.jsonl'), `${JSON.stringify(known)}\n`);
      servers.set('isolated', await servePage(output!, { port: 0, isolated: true }));
      servers.set('plain', await servePage(output!, { port: 0, isolated: false }));
      servers.set('tiny', await servePage(tiny!, { port: 0, isolated: true }));
      browser = await launchChromium(executable!);
    }, 300_000);

    afterAll(async () => {
      await browser?.close();
      for (const server of servers.values()) await server.close();
    });

    const demoBase = path.join(examples, 'demo/base');
    const settings = { steps: 20, batch: 2, length: 128, backend: 'wasm' };

    it('trains and saves what `moect eval` scores alike, isolated and not', async () => {
      const isolated = await open('isolated');
      const scores = await checkRun(isolated, settings, demoBase, 'swh_Latn');
      expect(await isolated.textContent('#fact-Computes-on')).toMatch(/WebAssembly.* \d+ threads?\./);
      expect(await isolated.textContent('#step')).toBe('20 / 20');
      expect(await isolated.textContent('#text-pack')).not.toBe('');
      await isolated.close();
      const plain = await open('plain');
      expect(await checkRun(plain, settings, demoBase, 'swh_Latn')).toEqual(scores);
      expect(await plain.textContent('#fact-Computes-on')).toContain('require-corp');
      await plain.close();
    });

    it('trains on a GGUF file of the user', async () => {
      const page = await open('isolated');
      const model = fixture('gguf/stories260k.gguf');
      await checkRun(page, { ...settings, steps: 5, model }, model, 'swh_Latn');
      expect(await page.textContent('#model-note')).toContain('stories260k.gguf');
      await page.close();
    });

    it('never takes a software GPU by itself, pauses, and keeps what was learned when it is stopped', async () => {
      const page = await open('isolated');
      const oldFile = path.join(examples, 'demo/data/old/eng_Latn.replay.jsonl');
      await start(page, { steps: 1000, batch: 1, length: 64, oldFile });
      await page.locator('#pause:enabled').click();
      await expect.poll(() => page.textContent('#status')).toContain('Paused');
      expect(await page.textContent('#fact-Computes-on')).toMatch(/WebAssembly.*software/s);
      // the current step may still end
      await page.waitForTimeout(500);
      const step = await page.textContent('#step');
      await page.waitForTimeout(500);
      expect(await page.textContent('#step')).toBe(step);
      await page.click('#pause');
      await expect.poll(() => page.textContent('#step')).not.toBe(step);
      await page.click('#stop');
      await finished(page);
      expect(await page.textContent('#fact-Trained')).toContain('(moe-ct)');
      expect(await page.textContent('#status')).toMatch(/^Stopped after \d+ steps/);
      await page.close();
    });

    it('refuses what does not fit into WebAssembly, before a step', async () => {
      const page = await open('isolated');
      await start(page, { steps: 5, batch: 1000, length: 256, backend: 'wasm' });
      await expect(finished(page)).rejects.toThrow(
        /a step takes .* of WebAssembly memory, which has at most 4\.00 GiB[\s\S]*batchSize/,
      );
      expect(await page.textContent('#step')).toBe('–');
      await page.close();
    });

    it('trains on a software GPU where it is asked to', async () => {
      const file = path.join(project.folder, 'swh_Latn.txt');
      const lines = [
        'watu wote',
        'wamezaliwa huru',
        'hadhi na haki',
        'sawa akili',
        'dhamiri moja',
        'kwa ndugu',
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      const refused = await open('tiny');
      await start(refused, { steps: 5, batch: 32, length: 16, backend: 'webgpu', gpuMemory: 0.001, file });
      await expect(finished(refused)).rejects.toThrow(
        /a step takes .* of GPU memory, of which 1\.0 MiB may be used[\s\S]*batchSize/,
      );
      await refused.close();
      const page = await open('tiny');
      const small = { steps: 20, batch: 2, length: 16, backend: 'webgpu', file };
      await checkRun(page, small, path.join(project.folder, 'tiny-page/base'), 'swh_Latn');
      expect(await page.textContent('#fact-Computes-on')).toContain('WebGPU');
      await page.close();
    });
  });
}
