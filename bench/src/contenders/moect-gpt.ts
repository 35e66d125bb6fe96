import { selectBackend } from '@moect/tensor';
import { createGpt } from '../cases/gpt-steps.ts';
import { serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

serve(async () => {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  return { ...createGpt(), wasmHeapBytes };
});
