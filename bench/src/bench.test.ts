import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { selectBackend } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activeExtension, predictedShare, productParameters } from './cases/cost.ts';
import { CASES } from './cases/index.ts';
import { createLlamaBase, LLAMA_30M, type LlamaSizes, llamaData } from './cases/llama-30m.ts';
import { stepwise } from './cases/stepwise.ts';
import { attachTraining } from './cases/trainings.ts';
import { readOptions } from './cli.ts';
import { caseReport } from './report/case-report.ts';
import { withResults } from './report/docs.ts';
import { readReport, withCase, writeReport } from './report/report-file.ts';

const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bench-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const measured = {
  results: Object.fromEntries(
    ['moect-wasm-all', 'full-ct-wasm-all'].map((name, i) => [
      name,
      {
        median: 300 - 100 * i,
        min: 50,
        max: 400,
        runs: 5,
        check: 9,
        peakRssBytes: 1e9,
        wasmHeapBytes: 5e8 * (i + 1),
      },
    ]),
  ),
  ceiling: { gflopsOneThread: 50, gflopsAllThreads: 100 },
  leftOut: { 'torch-all': 'python3 has no torch' },
};

const caseNamed = (name: string): (typeof CASES)[number] => CASES.find((one) => one.name === name)!;

test('measures contenders in turn and writes a report that keeps the other cases', async () => {
  const file = path.join(folder, 'latest.json');
  const other = caseReport(caseNamed('llama-30m-moe-ct-all'), measured, false);
  await writeReport(file, withCase(null, other));
  const args = [
    '--rounds',
    '2',
    '--case',
    'gpt-small-train',
    '--contenders',
    'moect-wasm-1t,jax-js-wasm,moect-webgpu',
  ];
  await run(
    process.execPath,
    [
      '--conditions=@moect/source',
      '--import',
      'tsx',
      fileURLToPath(new URL('./run.ts', import.meta.url)),
      ...args,
      '--out',
      file,
    ],
    { cwd: fileURLToPath(new URL('..', import.meta.url)) },
  );
  const report = await readReport(file);
  expect(report?.cases.map(({ name }) => name)).toEqual(['gpt-small-train', 'llama-30m-moe-ct-all']);
  expect(report?.cases[1]).toEqual(other);
  const { results, bars, leftOut } = report!.cases[0]!;
  const webgpu = results['moect-webgpu'];
  if (webgpu === undefined) expect(leftOut['moect-webgpu']).toMatch(/webgpu/i);
  else expect(webgpu.webgpu).toMatchObject({ dispatchesPerStep: expect.any(Number) });
  expect(Object.keys(leftOut)).toEqual(webgpu === undefined ? ['moect-webgpu'] : []);
  const [ours, jax] = [results['moect-wasm-1t']!, results['jax-js-wasm']!];
  expect(ours.runs).toBe(2);
  expect(bars.map(({ value }) => value)).toEqual([ours.median / jax.median]);
  // same weights, tokens and optimizer: float32 sums in another order
  for (const other of [jax, webgpu ?? jax]) expect(Math.abs(ours.check! - other.check!)).toBeLessThan(1e-4);
}, 180_000);

describe('report', () => {
  test('predicted and measured cost, shares of the ceiling, and bars', () => {
    const report = caseReport(caseNamed('llama-30m-moe-ct-all'), measured, false);
    expect(report.cost!.measured).toBeCloseTo(2 / 3, 12);
    const { modelGflops, shareOfCeiling } = report.results['full-ct-wasm-all']!;
    expect(shareOfCeiling).toBeCloseTo(modelGflops! / 100, 12);
    expect(report.bars.map(({ met }) => met)).toEqual([true, true]);
  });

  test('the formula counts what is in the model', async () => {
    await selectBackend('cpu');
    const sizes: LlamaSizes = {
      ...LLAMA_30M,
      hiddenSize: 16,
      intermediateSize: 32,
      numHeads: 2,
      vocabSize: 64,
    };
    const base = createLlamaBase(sizes);
    const matrices = [...base.parameters.values()].filter(({ rank }) => rank === 2);
    expect(matrices.reduce((sum, { size }) => sum + size, 0)).toBe(productParameters(sizes));
    const branches = { layers: 4, numExperts: 4, topK: 4 };
    const extension = attachTraining('moe-ct-top', base, sizes);
    const inProducts = [...extension.parameters].filter(([name]) => !/bias|out_proj/.test(name));
    expect(inProducts.reduce((sum, [, { size }]) => sum + size, 0)).toBe(activeExtension(sizes, branches));
    expect(predictedShare(sizes, 'top-cached', 0)).toBeCloseTo(1 / 3, 12);
    extension.dispose();
    base.dispose();
  });

  test('bars of the real model hold for the starts a second of its processes', () => {
    const start = { median: 0.6, min: 0.5, max: 0.7, runs: 3, check: Number.NaN, peakRssBytes: 3e8 };
    const results = { 'moect-q4_1': start, 'moect-bf16': { ...start, median: 0.4 } };
    const report = caseReport(caseNamed('smollm2-start'), { ...measured, results }, false);
    expect(report.bars.map(({ value, met }) => [value, met])).toEqual([
      [1 / 0.6, true],
      [2.5, false],
    ]);
  });

  test('a file that is no report is refused, with the place', async () => {
    const file = path.join(folder, 'wrong.json');
    const report = withCase(null, caseReport(caseNamed('llama-30m-moe-ct-all'), measured, true));
    await writeReport(file, report);
    const { cases } = report;
    await expect(
      writeReport(file, { ...report, cases: [{ ...cases[0]!, date: 'today' }] }),
    ).rejects.toThrow();
    expect(await readReport(file)).toEqual(report);
  });

  test('the page gets the tables and keeps the rest', () => {
    const report = withCase(null, caseReport(caseNamed('llama-30m-moe-ct-all'), measured, false));
    const page =
      'before\n<!-- results: written by `npm run bench -- --write-docs` -->\nold\n<!-- end of results -->\nafter\n';
    const once = withResults(page, report);
    expect(once).toContain('| moect-wasm-all | 300 |');
    expect(once).toContain('left out: torch-all: python3 has no torch');
    expect(once).not.toContain('old');
    expect(withResults(once, report)).toBe(once);
    expect(() => withResults('nothing', report)).toThrow(/lacks the lines/);
  });
});

test('a training waits between steps and learns', async () => {
  await selectBackend('wasm', { threads: 1 });
  const sizes: LlamaSizes = {
    hiddenSize: 32,
    intermediateSize: 64,
    numLayers: 2,
    numHeads: 2,
    vocabSize: 50,
    batchSize: 2,
    sequenceLength: 16,
  };
  for (const name of ['full-ct', 'moe-ct-all', 'moe-ct-top', 'experts-32'] as const) {
    const base = createLlamaBase(sizes);
    const extension = attachTraining(name, base, sizes);
    const training = stepwise(base, extension, llamaData(sizes));
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) losses.push(await training.step());
    expect(losses[3]).toBeLessThan(losses[0]!);
    await training.stop();
    extension.dispose();
    base.dispose();
  }
});

test('options: unknown names are refused with the known ones', () => {
  expect(() => readOptions(['--case', 'x'])).toThrow(/no case x; known: gpt-small-train/);
  expect(() => readOptions(['--contenders', 'x'])).toThrow(/no contender x; known: moect-wasm-1t/);
  expect(() => readOptions(['--rounds', '0'])).toThrow(/--rounds 0/);
  expect(readOptions(['--quick'])).toMatchObject({ action: 'run', rounds: 5, isQuick: true });
});
