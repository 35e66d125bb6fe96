import { type BackendName, selectBackend } from '@moect/tensor';
import { createGpt } from '../cases/gpt-steps.ts';
import { startDawn } from './dawn.ts';
import { serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

serve(async () => {
  const backend = (process.env['BENCH_BACKEND'] ?? 'wasm') as BackendName;
  const gpu = backend === 'webgpu' ? await startDawn() : undefined;
  await selectBackend(backend, { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  return { ...createGpt(), ...(gpu && { gpu }), ...(backend === 'wasm' && { wasmHeapBytes }) };
});
