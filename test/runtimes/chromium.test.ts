import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser } from '../support/bundle.ts';
import { type Browser, findChromium, launchChromium } from '../support/chromium.ts';
import { runInWorker } from '../support/run-in-worker.ts';
import { type StaticServer, serve } from '../support/static-server.ts';
import { type TrainSomeOptions, type TrainSomeResult, trainSome } from './train-some.ts';

const executable = findChromium();
const title = executable === undefined ? ' (skipped: no chromium in PATH, and CHROMIUM names none)' : '';

const STEPS = 5;
const bits: TrainSomeOptions = { threads: 2, deterministic: true, steps: STEPS };

/** Runs in a Worker of the page, where programs should run. */
const inWorker = (page: Page, options: TrainSomeOptions): Promise<TrainSomeResult> =>
  runInWorker(page, 'trainSome', options);

/** Runs on the page's own thread. A text, since the test runner would rewrite `import()`. */
function onPage(page: Page, options: TrainSomeOptions): Promise<TrainSomeResult> {
  const given = JSON.stringify(options);
  return page.evaluate(`import(new URL('program.js', location)).then((m) => m.trainSome(${given}))`);
}

describe.skipIf(executable === undefined)(`in headless Chromium${title}`, { timeout: 120_000 }, () => {
  let browser: Browser;
  let server: StaticServer;
  let expected: TrainSomeResult;

  async function open(folder: 'isolated' | 'plain' | 'strict'): Promise<Page> {
    const page = await browser.context.newPage();
    await page.goto(`${server.origin}/${folder}/`);
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(folder !== 'plain');
    return page;
  }

  beforeAll(async () => {
    const here = import.meta.dirname;
    const [program, thread] = await Promise.all([
      bundleForBrowser(`export * from './browser-program.ts';`, here),
      bundleForBrowser(`import '@moect/backend-wasm/thread';`, here),
    ]);
    server = await serve(
      new Map([
        ['program.js', program],
        ['thread.js', thread],
      ]),
    );
    browser = await launchChromium(executable!);
    expected = await trainSome({ ...bits, threads: 1 });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('isolated: two threads give the bits of Node', async () => {
    const result = await inWorker(await open('isolated'), bits);
    expect(result).toEqual({ ...expected, threads: 2, detail: 'WebAssembly, SIMD, 2 threads' });
    expect(result.leaked).toBe(0);
    expect(result.losses.at(-1)).toBeLessThan(result.losses[0]!);
  });

  it('not isolated: one thread, the same bits, and the headers that would change it', async () => {
    const result = await inWorker(await open('plain'), bits);
    expect(result).toEqual({ ...expected, threads: 1, detail: expect.stringContaining('require-corp') });
  });

  it('on the main thread of a page: one thread, the same bits, and where it would be faster', async () => {
    const result = await onPage(await open('isolated'), bits);
    expect(result).toEqual({ ...expected, threads: 1, detail: expect.stringContaining('in a Worker') });
  });

  it('under a strict security policy: one thread, or more with a file for them', async () => {
    const page = await open('strict');
    const alone = await inWorker(page, bits);
    expect(alone).toEqual({ ...expected, threads: 1, detail: expect.stringContaining('did not start') });
    const result = await inWorker(page, { ...bits, threadFile: 'thread.js' });
    expect(result).toEqual({ ...expected, threads: 2, detail: 'WebAssembly, SIMD, 2 threads' });
  });

  it('on WebGPU, in a worker: the losses of wasm', async () => {
    const options: TrainSomeOptions = { ...bits, backend: 'webgpu', small: true, steps: 3 };
    const result = await inWorker(await open('plain'), options);
    expect(result.detail).toMatch(/^WebGPU, /);
    expect(result.leaked).toBe(0);
    const reference = await trainSome({ ...options, backend: 'wasm' });
    for (const [i, loss] of result.losses.entries()) {
      expect(Math.abs(loss / reference.losses[i]! - 1), `step ${i + 1}`).toBeLessThan(1e-4);
    }
  });

  it('relaxed SIMD: threads change no bit, and losses agree with plain SIMD', async () => {
    const fast = { ...bits, deterministic: false };
    const two = await inWorker(await open('isolated'), fast);
    const one = await inWorker(await open('plain'), fast);
    expect(two.detail).toBe('WebAssembly, relaxed SIMD, 2 threads');
    expect(one.losses).toEqual(two.losses);
    expect(one.digest).toBe(two.digest);
    // fused multiply-add rounds once where plain SIMD rounds twice; sums here have at most 128 terms
    for (const [i, loss] of two.losses.entries()) {
      expect(Math.abs(loss / expected.losses[i]! - 1)).toBeLessThan(1e-5);
    }
  });
});
