import { z } from 'zod';
import type { BenchReport } from './report.ts';

const positive = (): z.ZodNumber => z.number().positive();
const count = (): z.ZodInt => z.int().positive();

const hardware = z.strictObject({
  cpu: z.string(),
  cores: count(),
  gpu: z.string().nullable(),
  runtime: z.string(),
});

const ceiling = z.strictObject({ gflopsOneThread: positive(), gflopsAllThreads: positive() });

const result = z.strictObject({
  median: positive(),
  min: positive(),
  max: positive(),
  runs: count(),
  check: z.number().nullable(),
  peakRssBytes: count(),
  wasmHeapBytes: count().exactOptional(),
  webgpu: z.strictObject({ adapter: z.string(), dispatchesPerStep: count() }).exactOptional(),
  modelGflops: positive().exactOptional(),
  shareOfCeiling: positive().exactOptional(),
});

const cost = z.strictObject({
  entry: z.string(),
  reference: z.string(),
  predicted: positive(),
  measured: positive(),
});

const bar = z.strictObject({
  text: z.string(),
  atLeast: z.number().exactOptional(),
  atMost: z.number().exactOptional(),
  value: z.number(),
  met: z.boolean(),
});

const benchCase = z.strictObject({
  name: z.string(),
  title: z.string(),
  unit: z.enum(['tokens/s', 'bytes/s', 'starts/s']),
  date: z.iso.datetime(),
  hardware,
  ceiling,
  quick: z.boolean(),
  tokensPerStep: count(),
  results: z.record(z.string(), result),
  leftOut: z.record(z.string(), z.string()),
  cost: cost.exactOptional(),
  bars: z.array(bar),
});

/** Schema of `bench/results/latest.json`. */
export const reportSchema: z.ZodType<BenchReport> = z.strictObject({
  schema: z.literal('moect-bench/1'),
  date: z.iso.datetime(),
  hardware,
  ceiling,
  cases: z.array(benchCase),
});
