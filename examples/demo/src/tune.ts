import { parseArgs } from 'node:util';
import type { Settings } from '@moect/core';
import { scoresByLanguage } from '@moect/eval';
import type { Job, JobResult } from './job.ts';
import { METHOD_RUNS, TRAINING } from './method-runs.ts';
import { runJobs } from './run-jobs.ts';

const HELP = `Tries learning rates for each method on the development articles, and prints their mean bits per byte.

  npm run tune --workspace examples/demo -- [--methods ct,moe-ct] [--rates 1e-3,3e-3,6e-3] [--config JSON] [--tokens N]

--config: settings of the method on top of its own, for example '{"attentionRank": 32}'.`;

const { values: flags } = parseArgs({
  options: {
    methods: { type: 'string', default: METHOD_RUNS.map(({ name }) => name).join(',') },
    rates: { type: 'string' },
    config: { type: 'string', default: '{}' },
    tokens: { type: 'string', default: String(TRAINING.tokens) },
    help: { type: 'boolean' },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit(0);
}

/** Half, once and twice the rate in use. */
const around = (rate: number): number[] => [rate / 2, rate, rate * 2];

/** Mean over languages of bits per byte. */
function meanBitsPerByte({ scores }: JobResult): number {
  const each = scoresByLanguage(scores).map(({ bitsPerByte }) => bitsPerByte);
  return each.reduce((a, b) => a + b, 0) / each.length;
}

const jobs: Job[] = METHOD_RUNS.filter(({ name }) => flags.methods.split(',').includes(name)).flatMap(
  (run) => {
    const rates = flags.rates?.split(',').map(Number) ?? around(run.learningRate);
    return rates.map((learningRate) => {
      return {
        method: run.name,
        seed: 0,
        learningRate,
        config: JSON.parse(flags.config) as Settings,
        tokens: Number(flags.tokens),
        baseStorage: 'float32',
        on: 'dev',
        packFolder: null,
      };
    });
  },
);
const results = await runJobs(jobs);
for (const result of results) {
  const { method, learningRate } = result.job;
  console.log(
    `${method.padEnd(16)} ${String(learningRate).padStart(8)} ${meanBitsPerByte(result).toFixed(4)}`,
  );
}
