import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from './parse-report.ts';
import type { Report } from './report.ts';
import { readReport, writeReport } from './report-file.ts';
import { reportJsonSchema } from './report-schema.ts';
import { reportScores } from './report-scores.ts';

/** The fields of the design, and nothing else. */
const minimal: Report = {
  schema: 'moect-report/1',
  seconds: 12.5,
  peakRssBytes: 1e8,
  backend: { name: 'wasm', threads: 2, detail: 'WebAssembly' },
  base: { parameters: 1000, sha256Before: 'ab', sha256After: 'ab' },
  languages: [
    { code: 'swh_Latn', role: 'new', heldOutDocuments: 7, heldOutBytes: 2000, trainedTokens: 30_000 },
  ],
  methods: [
    {
      name: 'moe-ct',
      seed: 0,
      trainableParameters: 500,
      trainedTokens: 30_000,
      tokensPerSecond: 900,
      bitsPerByte: { swh_Latn: { before: 3.5, after: 2.5, change: -1, ci95: [-1.2, -0.8] } },
    },
  ],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-report-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('parseReport', () => {
  it('takes the fields of the design, and unknown ones too', () => {
    expect(parseReport(minimal)).toEqual(minimal);
    expect(parseReport({ ...minimal, colour: 'green' })).toHaveProperty('colour', 'green');
  });

  it('lists every problem', () => {
    const { seconds: _, ...broken } = structuredClone(minimal) as { seconds?: number } & Report;
    const wrong = { ...broken, backend: { name: 'wasm', threads: -1, detail: 'x' } };
    expect(() => parseReport(wrong)).toThrow(/2 problem[\s\S]*seconds[\s\S]*backend\.threads/);
  });

  it('refuses numbers that JSON would lose', () => {
    const report = structuredClone(minimal) as { seconds: number };
    report.seconds = Number.NaN;
    expect(() => parseReport(report)).toThrow(/seconds/);
  });

  it('refuses scores of a language that is not listed', () => {
    expect(() => parseReport({ ...minimal, languages: [] })).toThrow(/methods\.0\.bitsPerByte\.swh_Latn/);
  });
});

describe('reportScores', () => {
  it('fits a method of the report, and leaves out what was not measured', () => {
    const change = {
      change: -1.5,
      ci95: [-1.6, -1.4],
      relativeChange: -0.5,
      relativeCi95: [-0.52, -0.48],
    } as const;
    const row = { before: 3, after: 1.5, ...change, fewDocuments: false };
    const gain = { mean: 1.5, ci95: [1.4, 1.6], fewDocuments: false } as const;
    const scores = reportScores({
      languages: [{ language: 'swh_Latn', ...row }],
      retention: null,
      gain,
      transfer: null,
    });
    const [method] = minimal.methods;
    const report = parseReport({ ...minimal, methods: [{ ...method, ...scores }] });
    expect(report.methods[0]).toEqual({ ...method, bitsPerByte: { swh_Latn: row }, gain });
  });
});

describe('the file', () => {
  it('is read as it was written, and nothing lies beside it', async () => {
    const path = join(folder, 'report.json');
    await writeReport(path, minimal);
    expect(await readReport(path)).toEqual(minimal);
    expect(await readdir(folder)).toEqual(['report.json']);
  });

  it('is not written when it is wrong', async () => {
    const path = join(folder, 'wrong.json');
    await expect(writeReport(path, { ...minimal, seconds: -1 })).rejects.toThrow(/wrong\.json/);
    expect(await readdir(folder)).not.toContain('wrong.json');
  });

  it('has its published schema up to date', async () => {
    const published = await readFile(new URL('../../schema/report.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(published)).toEqual(reportJsonSchema());
  });
});
