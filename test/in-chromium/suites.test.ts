import path from 'node:path';
import type { Plugin } from 'esbuild';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser } from '../support/bundle.ts';
import { type Browser, findChromium, launchChromium } from '../support/chromium.ts';
import { type StaticServer, serve } from '../support/static-server.ts';
import type { SuiteOutcome } from './run-suites.ts';

const executable = findChromium();
const title = executable === undefined ? ' (skipped: no chromium in PATH, and CHROMIUM names none)' : '';
const root = path.resolve(import.meta.dirname, '../..');

/** Contract and numerics, of every package that computes. Features that only Node has are absent. */
const SUITES = [
  'packages/tensor/src/ops/forward.test.ts',
  'packages/tensor/src/ops/gradients.test.ts',
  'packages/tensor/src/gradients.test.ts',
  'packages/router/src/top-k-router.test.ts',
  'packages/router/src/load-balancing-loss.test.ts',
  'packages/experts/src/swiglu-expert.test.ts',
  'packages/experts/src/fusions/fusions.test.ts',
  'packages/experts/src/fusions/blend.test.ts',
  'packages/experts/src/methods/methods.test.ts',
  'packages/experts/src/methods/moe-ct.test.ts',
  'packages/experts/src/methods/loss.test.ts',
  'packages/models/src/decoder/start-points.test.ts',
  'packages/trainer/src/optimization/adam-w.test.ts',
  'packages/data/src/languages/languages.test.ts',
];
/** WGSL against plain JavaScript; these tests select their backends themselves. */
const KERNELS = ['packages/backend-webgpu/src/kernels/kernels.test.ts'];

/** Resolves `vitest` in test files to its runner and expectations, which run anywhere. */
const vitestInPage: Plugin = {
  name: 'vitest-in-page',
  setup(build) {
    build.onResolve({ filter: /^vitest$/ }, () => ({
      path: path.join(import.meta.dirname, 'vitest-in-page.ts'),
    }));
  },
};

/** A worker that runs the suites of one backend and posts the outcomes. */
function worker(files: readonly string[], backend: string): Promise<Uint8Array> {
  const imports = files.map((file) => `${JSON.stringify(file)}: () => import('./${file}')`);
  const contents = `
    globalThis.process = { env: { MOECT_TEST_BACKENDS: ${JSON.stringify(backend)}, MOECT_THREADS: '1' } };
    const { runSuites } = await import('./test/in-chromium/run-suites.ts');
    try {
      postMessage({ outcomes: await runSuites({ ${imports.join(', ')} }) });
    } catch (error) {
      postMessage({ error: String(error) });
    }`;
  return bundleForBrowser(contents, root, [vitestInPage]);
}

function run(page: Page, script: string): Promise<SuiteOutcome[]> {
  return page.evaluate(
    (name) =>
      new Promise<SuiteOutcome[]>((resolve, reject) => {
        const running = new Worker(name, { type: 'module' });
        running.onmessage = ({ data }) => {
          if (data.error === undefined) resolve(data.outcomes);
          else reject(new Error(data.error));
        };
        running.onerror = ({ message }) => reject(new Error(message));
      }),
    script,
  );
}

describe.skipIf(executable === undefined)(`the suites in headless Chromium${title}`, () => {
  let browser: Browser;
  let server: StaticServer;

  beforeAll(async () => {
    const scripts = {
      'webgpu.js': worker([...KERNELS, ...SUITES], 'webgpu'),
      'wasm.js': worker(SUITES, 'wasm'),
    };
    const built = Object.entries(scripts).map(async ([name, script]) => [name, await script] as const);
    server = await serve(new Map(await Promise.all(built)));
    browser = await launchChromium(executable!);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it.each(['wasm', 'webgpu'])('on %s', { timeout: 400_000 }, async (backend) => {
    const page = await browser.context.newPage();
    await page.goto(`${server.origin}/isolated/`);
    const outcomes = await run(page, `${backend}.js`);
    for (const { file, failures, passed } of outcomes) {
      expect(failures, file).toEqual([]);
      expect(passed, file).toBeGreaterThan(0);
    }
    const count = outcomes.reduce((sum, { passed }) => sum + passed, 0);
    expect(count).toBeGreaterThan(150);
    await page.close();
  });
});
