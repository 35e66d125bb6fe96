import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BaseModel, Extension, HiddenStateSource } from '@moect/core';
import { openHiddenStateCache } from '@moect/models/node';
import { selectBackend } from '@moect/tensor';
import { createLlamaBase, llamaData } from '../cases/llama-30m.ts';
import { stepwise } from '../cases/stepwise.ts';
import { attachTraining, type TrainingName } from '../cases/trainings.ts';
import { type Contender, serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

/** The cache of the frozen layers below the extension, in a folder that lives as long as this process. */
async function cacheFor(base: BaseModel, extension: Extension): Promise<HiddenStateSource> {
  const folder = mkdtempSync(path.join(tmpdir(), 'moect-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const layer = base.prefix!.firstLayer(extension);
  // one base only in this folder: any name for it will do
  return openHiddenStateCache({ base, baseSha256: '0'.repeat(64), layer, folder });
}

async function create(): Promise<Contender> {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  const base = createLlamaBase();
  const extension = attachTraining((process.env['BENCH_TRAINING'] ?? 'full-ct') as TrainingName, base);
  const cache = process.env['BENCH_CACHED'] === '1' ? await cacheFor(base, extension) : undefined;
  return { ...stepwise(base, extension, llamaData(), cache), wasmHeapBytes };
}

serve(create);
