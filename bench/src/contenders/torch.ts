import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@moect/core';
import { selectBackend } from '@moect/tensor';
import { ADAM, GPT, initialWeights, tokens } from '../cases/gpt-small.ts';
import {
  createLlamaBase,
  GENERATION,
  LLAMA_30M,
  llamaData,
  promptIds,
  RMS_NORM_EPS,
  ROPE_THETA,
} from '../cases/llama-30m.ts';
import type { Reply, Request } from './serve.ts';

/** The contender PyTorch: this process makes the same weights and data, then passes requests on to Python. */
interface Work {
  readonly sizes: Readonly<Record<string, number>>;
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
  readonly weights: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>
  >;
}

function gptWork(): Work {
  const { inputs, targets } = tokens();
  return { sizes: GPT, inputs: [...inputs], targets: [...targets], weights: initialWeights() };
}

async function llamaWork(isGeneration: boolean): Promise<Work> {
  await selectBackend('cpu');
  const base = createLlamaBase();
  const weights: Record<string, { shape: number[]; values: Float32Array }> = {};
  for (const [name, tensor] of base.parameters as ReadonlyMap<string, Tensor>) {
    weights[name] = { shape: tensor.shape, values: (await tensor.data()) as Float32Array };
  }
  const batch = llamaData().batch(0);
  const sizes = {
    ...LLAMA_30M,
    ropeTheta: ROPE_THETA,
    rmsNormEps: RMS_NORM_EPS,
    newTokens: GENERATION.newTokens,
  };
  return {
    sizes,
    inputs: isGeneration ? promptIds() : [...batch.tokens],
    targets: [...batch.targets],
    weights,
  };
}

/** Float32 values one after another; the index says where each weight begins. */
function writeWork(folder: string, work: Work, model: string): void {
  const index: Record<string, { shape: readonly number[]; offset: number }> = {};
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(work.weights)) {
    index[name] = { shape, offset };
    offset += values.length;
  }
  const all = new Float32Array(offset);
  for (const [name, { values }] of Object.entries(work.weights)) all.set(values, index[name]!.offset);
  writeFileSync(path.join(folder, 'weights.bin'), all);
  const { sizes, inputs, targets } = work;
  writeFileSync(
    path.join(folder, 'work.json'),
    JSON.stringify({ model, sizes, inputs, targets, adam: ADAM, weights: index }),
  );
}

/** MOECT_BENCH_PYTHON, else python3; throws where it has no torch. */
function findPython(): string {
  const python = process.env['MOECT_BENCH_PYTHON'] ?? 'python3';
  const probe = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
  if (probe.status === 0) return python;
  throw new Error(`${python} has no torch; set MOECT_BENCH_PYTHON to a Python that has`);
}

async function start(): Promise<void> {
  const python = findPython();
  const model = process.env['BENCH_MODEL'] ?? 'gpt';
  const threads = process.env['BENCH_THREADS'] ?? '1';
  const folder = mkdtempSync(path.join(tmpdir(), 'moect-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeWork(folder, model === 'gpt' ? gptWork() : await llamaWork(model === 'generate'), model);
  const script = fileURLToPath(new URL('./torch/serve.py', import.meta.url));
  const child = spawn(python, [script, folder, threads], {
    env: { ...process.env, OMP_NUM_THREADS: threads },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.once('exit', (code) => process.exit(code ?? 1));
  const leave = (): void => {
    child.kill();
    process.exit();
  };
  process.on('disconnect', leave).on('SIGTERM', leave);
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  process.send?.({ ready: true });
  process.on('message', async (request: Request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(lines, 'line')) as [string];
    process.send?.(JSON.parse(line) as Reply);
  });
}

start().catch((error: Error) => process.send?.({ error: error.message.split('\n')[0]! }));
