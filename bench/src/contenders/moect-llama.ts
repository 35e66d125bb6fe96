import { selectBackend } from '@moect/tensor';
import { createLlamaBase, llamaData } from '../cases/llama-30m.ts';
import { stepwise } from '../cases/stepwise.ts';
import { temporaryCache } from '../cases/temporary-cache.ts';
import { attachTraining, type TrainingName } from '../cases/trainings.ts';
import { type Contender, serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

async function create(): Promise<Contender> {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  const base = createLlamaBase();
  const extension = attachTraining((process.env['BENCH_TRAINING'] ?? 'full-ct') as TrainingName, base);
  const cache = process.env['BENCH_CACHED'] === '1' ? await temporaryCache(base, extension) : undefined;
  return { ...stepwise(base, extension, llamaData(), cache), wasmHeapBytes };
}

serve(create);
