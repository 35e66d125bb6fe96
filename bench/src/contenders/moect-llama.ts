import { selectBackend } from '@moect/tensor';
import { createLlamaBase, llamaData } from '../cases/llama-30m.ts';
import { stepwise } from '../cases/stepwise.ts';
import { attachTraining, type TrainingName } from '../cases/trainings.ts';
import { type Contender, serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

async function create(): Promise<Contender> {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  const base = createLlamaBase();
  const extension = attachTraining((process.env['BENCH_TRAINING'] ?? 'full-ct') as TrainingName, base);
  return { ...stepwise(base, extension, llamaData()), wasmHeapBytes };
}

serve(create);
