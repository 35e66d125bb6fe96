import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { renderReport } from '@moect/report';
import { writeReport } from '@moect/report/node';
import { writeFileAtomic } from '@moect/safetensors/node';
import type { FrozenStorage } from '@moect/tensor';
import { readDemoText } from './demo-text.ts';
import type { Job } from './job.ts';
import { METHOD_RUNS, TRAINING } from './method-runs.ts';
import { printReport } from './print-table.ts';
import { runJobs } from './run-jobs.ts';
import { summarize } from './summarize.ts';

const HELP = `Teaches a small model four new languages in six ways, and shows what became of the old ones.

  npm run demo [-- --seeds N] [--methods ct,moe-ct] [--base-storage int8] [--tokens N] [--output DIR]

Writes report.json, report.html and the language packs. --base-storage (float32, bfloat16 or int8) is for the methods that
leave the base frozen; what they retain is measured against the base in float32.`;

const STORAGES: readonly FrozenStorage[] = ['float32', 'bfloat16', 'int8'];

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    methods: { type: 'string', default: METHOD_RUNS.map(({ name }) => name).join(',') },
    'base-storage': { type: 'string', default: 'float32' },
    tokens: { type: 'string', default: String(TRAINING.tokens) },
    output: { type: 'string', default: new URL('../out', import.meta.url).pathname },
    help: { type: 'boolean' },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit(0);
}

const start = performance.now();
const storage = STORAGES.find((name) => name === flags['base-storage']);
if (storage === undefined) {
  console.error(`--base-storage is '${flags['base-storage']}', must be one of ${STORAGES.join(', ')}.`);
  process.exit(64);
}
const methods = flags.methods.split(',');
const seeds = Array.from({ length: Number(flags.seeds) }, (_, seed) => seed);
const jobs: Job[] = seeds.flatMap((seed) =>
  METHOD_RUNS.filter(({ name }) => methods.includes(name)).map(({ name, trainsBase }) => {
    const packFolder = path.join(flags.output, 'packs', `${name}-${seed}`);
    const baseStorage = trainsBase ? 'float32' : storage;
    return { method: name, seed, tokens: Number(flags.tokens), baseStorage, on: 'test', packFolder };
  }),
);
if (jobs.length === 0) {
  console.error(
    `There is no method '${flags.methods}'. Available: ${METHOD_RUNS.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(64);
}

const text = await readDemoText();
const names = text.new.map(({ name }) => name).join(', ');
console.log(`Teaching ${names} to a model of English and Chinese: ${jobs.length} training runs.`);
const baseJob: Job = {
  method: 'base',
  seed: 0,
  tokens: 0,
  baseStorage: 'float32',
  on: 'test',
  packFolder: null,
};
const [base, ...results] = await runJobs([baseJob, ...jobs]);
const report = summarize(base!, results, text, (performance.now() - start) / 1000);
await mkdir(flags.output, { recursive: true });
await writeReport(path.join(flags.output, 'report.json'), report);
await writeFileAtomic(path.join(flags.output, 'report.html'), await renderReport(report));
printReport(report);
console.log(
  `\nReport: ${path.relative(process.env['INIT_CWD'] ?? '.', path.join(flags.output, 'report.html'))}`,
);
