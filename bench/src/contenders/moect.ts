import { selectBackend } from '@moect/tensor';
import { createGpt } from '../cases/gpt-steps.ts';
import { serve } from '../contender.ts';

serve(async () => {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  return createGpt();
});
