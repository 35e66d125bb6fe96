import type { BackendName } from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser } from '../support/bundle.ts';
import { type Browser, findChromium, launchChromium } from '../support/chromium.ts';
import { runInWorker } from '../support/run-in-worker.ts';
import { type StaticServer, serve } from '../support/static-server.ts';
import {
  MOVED_AT,
  STEPS,
  type TrainOnBackendOptions,
  type TrainOnBackendResult,
  trainOnBackend,
} from './train-on-backend.ts';

type Place = 'Node' | 'Chromium';

const CONTENDERS: readonly (readonly [BackendName, Place])[] = [
  ['wasm', 'Node'],
  ['node', 'Node'],
  ['webgpu', 'Node'],
  ['wasm', 'Chromium'],
  ['webgpu', 'Chromium'],
];

/** Largest difference of a loss, relative, and of a logit. */
const LOSS_TOLERANCE = 1e-4;
const LOGIT_TOLERANCE = 1e-3;

const largestRelative = (given: readonly number[], expected: readonly number[]): number =>
  maxDifference(
    given.map((x, i) => x / expected[i]!),
    expected.map(() => 1),
  );

describe('the same training run on every backend (law 8)', { timeout: 300_000 }, () => {
  const rows: string[][] = [['backend', 'where', 'seconds', 'losses', 'logits', `moved at ${MOVED_AT}`, '']];
  let reference: TrainOnBackendResult;
  let browser: Browser | undefined;
  let server: StaticServer | undefined;

  type Outcome = Awaited<ReturnType<typeof trainOnBackend>>;

  async function attempt(place: Place, options: TrainOnBackendOptions): Promise<Outcome> {
    if (place === 'Node') return trainOnBackend(options);
    if (browser === undefined) return { absent: 'no chromium in PATH, and CHROMIUM names none' };
    const page = await browser.context.newPage();
    await page.goto(`${server!.origin}/isolated/`);
    return runInWorker(page, 'trainOnBackend', options);
  }

  async function run(place: Place, options: TrainOnBackendOptions): Promise<TrainOnBackendResult> {
    const outcome = await attempt(place, options);
    if ('absent' in outcome) throw new Error(outcome.absent);
    return outcome;
  }

  beforeAll(async () => {
    const start = performance.now();
    reference = await run('Node', { backend: 'cpu' });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    rows.push(['cpu', 'Node', seconds, 'reference', 'reference', '', reference.detail]);
    const executable = findChromium();
    if (executable === undefined) return;
    const program = await bundleForBrowser(`export * from './browser-program.ts';`, import.meta.dirname);
    server = await serve(new Map([['program.js', program]]));
    browser = await launchChromium(executable);
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
    const line = (row: string[]): string => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ');
    console.log(`${STEPS} steps, each against cpu\n${rows.map(line).join('\n')}`);
  });

  it('cpu learns', () => {
    const { losses } = reference;
    expect(losses).toHaveLength(STEPS);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.05);
  });

  it.for(CONTENDERS)('%s in %s', async ([backend, place], { skip }) => {
    const start = performance.now();
    const result = await attempt(place, { backend });
    if ('absent' in result) {
      rows.push([backend, place, '', '', '', '', `absent: ${result.absent}`]);
      return skip(result.absent);
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const losses = largestRelative(result.losses, reference.losses);
    const logits = maxDifference(result.logits, reference.logits);
    // a run moves from cpu to this backend, and from this backend to cpu
    const there = await run(place, { backend, from: reference.saved });
    const back = await run('Node', { backend: 'cpu', from: result.saved });
    const rest = reference.losses.slice(MOVED_AT);
    const moved = Math.max(largestRelative(there.losses, rest), largestRelative(back.losses, rest));
    const numbers = [losses, logits, moved].map((x) => x.toExponential(1));
    rows.push([backend, place, seconds, ...numbers, result.detail]);
    expect([result.losses.length, there.losses.length, back.losses.length]).toEqual([
      STEPS,
      STEPS - MOVED_AT,
      STEPS - MOVED_AT,
    ]);
    expect(losses).toBeLessThan(LOSS_TOLERANCE);
    expect(logits).toBeLessThan(LOGIT_TOLERANCE);
    expect(moved).toBeLessThan(LOSS_TOLERANCE);
  });
});
