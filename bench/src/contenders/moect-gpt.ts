import { selectBackend } from '@moect/tensor';
import { createGpt } from '../cases/gpt-steps.ts';
import { serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

serve(async () => {
  const backend = process.env['BENCH_BACKEND'] === 'node' ? 'node' : 'wasm';
  await selectBackend(backend, { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  return { ...createGpt(), ...(backend === 'wasm' && { wasmHeapBytes }) };
});
