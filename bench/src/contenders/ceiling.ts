import { createRng, dispose, matMul, randomNormal, selectBackend, slice } from '@moect/tensor';
import { type Contender, serve } from './serve.ts';

/** A product without odd edges, large enough to spread over all threads and small enough for the caches. */
const SIZE = { rows: 1024, inner: 512, columns: 1536 } as const;
const PRODUCTS = 16;

async function create(): Promise<Contender> {
  await selectBackend('wasm', { threads: Number(process.env['BENCH_THREADS'] ?? 1) });
  const rng = createRng(4);
  const { rows, inner, columns } = SIZE;
  const a = randomNormal(rng, [rows, inner], 1);
  const b = randomNormal(rng, [inner, columns], 1);
  return {
    flops: 2 * rows * inner * columns * PRODUCTS,
    async step() {
      for (let i = 1; i < PRODUCTS; i++) dispose(matMul(a, b));
      const last = matMul(a, b);
      const corner = slice(last, [0, 0], [1, 1]);
      // the last product ends last, so waiting for one of its elements waits for all
      await corner.data();
      dispose([last, corner]);
      return 0;
    },
  };
}

serve(create);
