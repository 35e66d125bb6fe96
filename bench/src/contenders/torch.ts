import { writeFileSync } from 'node:fs';
import path from 'node:path';
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
import { temporaryFolder } from '../cases/temporary-cache.ts';
import { findPython, refuse, servePython } from './python.ts';

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

async function start(): Promise<void> {
  const python = findPython('torch');
  const model = process.env['BENCH_MODEL'] ?? 'gpt';
  const threads = process.env['BENCH_THREADS'] ?? '1';
  const folder = temporaryFolder();
  writeWork(folder, model === 'gpt' ? gptWork() : await llamaWork(model === 'generate'), model);
  await servePython(python, 'serve.py', [folder, threads], threads);
}

start().catch(refuse);
