// Plans six runs and trains them, each in a process of its own, and prints what was predicted beside what was measured.
// Usage: npm run bench:plan [-- --case NAME] [-- --quick]   (or: node --conditions=@moect/source --import tsx FILE)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resetWasmHeapPeak, wasmHeapStatistics } from '@moect/backend-wasm';
import type { StepMetrics } from '@moect/core';
import { selectBackend } from '@moect/tensor';
import { table } from '../src/cli/io.ts';
import { type MoectConfig, trainConfig } from '../src/index.ts';
import { makeText, makeTinyBase } from '../src/testing/make-tiny-base.ts';
import { planConfig } from '../src/testing/plan-config.ts';

interface Case {
  readonly name: string;
  /** Entries of the base's config.json. */
  readonly base: Readonly<Record<string, number>>;
  readonly config: Pick<MoectConfig, 'preset' | 'method' | 'data' | 'training' | 'baseStorage'>;
}

interface Numbers {
  readonly usedBytes: number;
  readonly peakBytes: number;
  readonly secondsPerStep: number;
  readonly tokensPerSecond: number;
}

const LLAMA_30M = {
  hidden_size: 512,
  intermediate_size: 1376,
  num_hidden_layers: 8,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  vocab_size: 8192,
  max_position_embeddings: 512,
};
const LLAMA_5M = { ...LLAMA_30M, hidden_size: 256, intermediate_size: 688, num_hidden_layers: 4 };
const LLAMA_1M = { ...LLAMA_5M, hidden_size: 128, intermediate_size: 344, vocab_size: 2048 };

const bottleneck = { type: 'swiglu', init: 'zero-down', size: 172 };

const CASES: readonly Case[] = [
  {
    name: 'ct, 30 M, 4 × 256',
    base: LLAMA_30M,
    config: { preset: 'ct', data: { sequenceLength: 256 }, training: { batchSize: 4 } },
  },
  {
    name: 'moe-ct, all layers, 1/8 experts, 30 M, 4 × 256',
    base: LLAMA_30M,
    config: {
      preset: 'moe-ct',
      method: { expert: bottleneck },
      data: { sequenceLength: 256 },
      training: { batchSize: 4 },
    },
  },
  {
    name: 'moe-ct, top half, 1/8 experts, bf16 base, 30 M, 2 × 512, 3 batches',
    base: LLAMA_30M,
    config: {
      preset: 'moe-ct',
      baseStorage: 'bfloat16',
      method: { expert: bottleneck, layers: { top: 4 } },
      data: { sequenceLength: 512 },
      training: { batchSize: 2, accumulation: 3 },
    },
  },
  {
    name: 'lora-ct, 5 M, 16 × 128',
    base: LLAMA_5M,
    config: { preset: 'lora-ct', data: { sequenceLength: 128 }, training: { batchSize: 16 } },
  },
  {
    name: 'moe-ct, copies, recompute, 5 M, 6 × 200, 2 batches',
    base: LLAMA_5M,
    config: {
      preset: 'moe-ct',
      data: { sequenceLength: 200 },
      training: { batchSize: 6, accumulation: 2, recompute: true },
    },
  },
  {
    name: 'moe-ct-mixture, 1 M, 32 × 64',
    base: LLAMA_1M,
    config: { preset: 'moe-ct-mixture', data: { sequenceLength: 64 }, training: { batchSize: 32 } },
  },
];

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string' },
    quick: { type: 'boolean' },
    folder: { type: 'string' },
    child: { type: 'string' },
  },
});
const steps = flags.quick ? 4 : 10;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function configOf({ config }: Case, folder: string, output: string): MoectConfig {
  return {
    ...config,
    base: join(folder, 'base'),
    languages: [
      { code: 'swh_Latn', role: 'new', files: [join(folder, 'new.txt')] },
      { code: 'eng_Latn', role: 'old', files: [join(folder, 'old.txt')] },
    ],
    data: { ...config.data, heldOut: 0 },
    training: { ...config.training, steps },
    output: join(folder, output),
  };
}

async function planned(one: Case, folder: string): Promise<Numbers> {
  const { memory, time } = await planConfig(configOf(one, folder, 'plan'));
  return { ...memory.heap!, ...time! };
}

async function measured(one: Case, folder: string): Promise<Numbers> {
  const times: number[] = [];
  const tokens: number[] = [];
  let heap = wasmHeapStatistics();
  const pack = await trainConfig(configOf(one, folder, 'run'), {
    callbacks: [
      {
        contract: 'callback/1',
        name: 'measure',
        onStart: resetWasmHeapPeak,
        onStep(metrics: StepMetrics): void {
          times.push(metrics.tokens / metrics.tokensPerSecond);
          tokens.push(metrics.tokensPerSecond);
          heap = wasmHeapStatistics();
        },
      },
    ],
  });
  pack.dispose();
  const [secondsPerStep, tokensPerSecond] = [median(times.slice(1)), median(tokens.slice(1))];
  return { usedBytes: heap!.usedBytes, peakBytes: heap!.peakBytes, secondsPerStep, tokensPerSecond };
}

/** One half of a case in a fresh process: a heap that has grown never shrinks. */
function inProcess(kind: 'plan' | 'run', one: Case, folder: string): Numbers {
  const self = fileURLToPath(import.meta.url);
  const own = ['--child', kind, '--case', one.name, '--folder', folder, ...(flags.quick ? ['--quick'] : [])];
  const node = ['--conditions=@moect/source', '--import', 'tsx', self, ...own];
  const { stdout, stderr, status } = spawnSync(process.execPath, node, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${one.name}: ${stderr}`);
  return JSON.parse(stdout) as Numbers;
}

const difference = (predicted: number, was: number): string =>
  `${predicted >= was ? '+' : ''}${((100 * predicted) / was - 100).toFixed(1)} %`;

async function main(): Promise<void> {
  const rows = [['run', 'heap MiB', 'planned', 'off', 'tokens/s', 'planned', 'off']];
  for (const one of CASES.filter(({ name }) => name.includes(flags.case ?? ''))) {
    const folder = mkdtempSync(join(tmpdir(), 'moect-bench-plan-'));
    try {
      await selectBackend('wasm');
      await makeTinyBase(join(folder, 'base'), 1, one.base);
      await makeText(join(folder, 'new.txt'), ['habari', 'dunia', 'watu', 'wote', 'haki'], 2000, 1);
      await makeText(join(folder, 'old.txt'), ['hello', 'world', 'people', 'all', 'right'], 500, 2);
      const plan = inProcess('plan', one, folder);
      const run = inProcess('run', one, folder);
      process.stderr.write(`${one.name}: ${JSON.stringify({ plan, run })}\n`);
      rows.push([
        one.name,
        (run.usedBytes / 2 ** 20).toFixed(0),
        (plan.usedBytes / 2 ** 20).toFixed(0),
        difference(plan.usedBytes, run.usedBytes),
        run.tokensPerSecond.toFixed(0),
        plan.tokensPerSecond.toFixed(0),
        difference(plan.tokensPerSecond, run.tokensPerSecond),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  process.stdout.write(table(rows));
}

if (flags.child === undefined) {
  await main();
} else {
  const one = CASES.find(({ name }) => name === flags.case)!;
  const numbers = await (flags.child === 'plan' ? planned : measured)(one, flags.folder!);
  process.stdout.write(JSON.stringify(numbers));
}
