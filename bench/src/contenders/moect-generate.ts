import { generate } from '@moect/models';
import { selectBackend } from '@moect/tensor';
import { createLlamaBase, GENERATION, promptIds } from '../cases/llama-30m.ts';
import { type Contender, serve } from './serve.ts';
import { wasmHeapBytes } from './wasm-memory.ts';

async function create(): Promise<Contender> {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  const base = createLlamaBase();
  const prompt = promptIds();
  return {
    wasmHeapBytes,
    async step() {
      const { tokens } = await generate(base, prompt, { maxNewTokens: GENERATION.newTokens, temperature: 0 });
      return tokens.reduce((sum, id) => sum + id, 0);
    },
  };
}

serve(create);
