import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { TOKENS_PER_STEP } from './cases/gpt-small.ts';
import type { Reply } from './contender.ts';

interface Entry {
  readonly name: string;
  readonly file: string;
  readonly env?: Record<string, string>;
}

const ENTRIES: readonly Entry[] = [
  { name: 'moect-wasm-1t', file: 'moect', env: { BENCH_THREADS: '1' } },
  { name: 'moect-wasm-1t-plain-layers', file: 'tfjs', env: { BENCH_BACKEND: 'ours', MOECT_THREADS: '1' } },
  { name: 'jax-js-wasm', file: 'jax' },
  { name: 'tfjs-wasm', file: 'tfjs' },
];

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' }, help: { type: 'boolean' } },
});

if (flags.help) {
  console.log(
    'npm run bench [-- --quick] [-- --rounds N]\nTrains the same GPT on every contender in turn; medians of one run.',
  );
  process.exit(0);
}

/** Asks a contender's process for training steps. */
function contender(entry: Entry): { steps(n: number): Promise<Reply>; stop(): void } {
  const child = fork(new URL(`./contenders/${entry.file}.ts`, import.meta.url), {
    env: { ...process.env, ...entry.env },
    execArgv: ['--conditions=@moect/source', '--import', 'tsx'],
  });
  return {
    steps: (n) =>
      new Promise((resolve, reject) => {
        child.once('message', (message: Reply & { error?: string }) =>
          message.error === undefined
            ? resolve(message)
            : reject(new Error(`${entry.name}: ${message.error}`)),
        );
        child.once('exit', (code) => reject(new Error(`${entry.name} ended with code ${code}`)));
        child.send({ steps: n });
      }),
    stop: () => child.kill(),
  };
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)]!;

const rounds = Number(flags.rounds ?? (flags.quick ? 5 : 9));
const running = ENTRIES.map((entry) => ({ entry, process: contender(entry), ms: [] as number[], loss: 0 }));
console.log(
  `GPT of 0.82 M parameters, ${TOKENS_PER_STEP} tokens a step, ${rounds} rounds, contenders in turn`,
);
for (const one of running) one.loss = (await one.process.steps(3)).loss;
for (let round = 0; round < rounds; round++) {
  for (const one of running) {
    const reply = await one.process.steps(one.entry.name === 'tfjs-wasm' ? 1 : 2);
    one.ms.push(...reply.milliseconds);
  }
  process.stdout.write(`\rround ${round + 1} of ${rounds}`);
}
for (const one of running) one.process.stop();

const results = Object.fromEntries(
  running.map(({ entry, ms }) => {
    const speeds = ms.map((t) => (TOKENS_PER_STEP / t) * 1000).sort((a, b) => a - b);
    const [min, max] = [speeds[0]!, speeds[speeds.length - 1]!];
    return [entry.name, { median: median(speeds), min, max, runs: speeds.length }];
  }),
);
console.log('\n\ncontender                     tokens/s (median)   loss after 3 steps');
for (const { entry, loss } of running) {
  console.log(
    `${entry.name.padEnd(30)}${results[entry.name]!.median.toFixed(0).padStart(17)}   ${loss.toFixed(5)}`,
  );
}
const ours = results['moect-wasm-1t']!.median;
const ratio = (name: string): string => `${(ours / results[name]!.median).toFixed(2)} × ${name}`;
console.log(`\nmoect on one thread: ${ratio('jax-js-wasm')}, ${ratio('tfjs-wasm')}`);

const report = {
  schema: 'moect-bench/1',
  date: new Date().toISOString(),
  hardware: {
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    gpu: null,
    runtime: `Node ${process.version}`,
  },
  cases: [{ name: 'gpt-small-train', unit: 'tokens/s', results }],
};
const folder = new URL('../results/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL('latest.json', folder), `${JSON.stringify(report, null, 2)}\n`);
