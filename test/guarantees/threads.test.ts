import { expect, it } from 'vitest';
import { trainSome } from '../runtimes/train-some.ts';

it.each([true, false])(
  'training on 1, 2, 3 and 5 threads gives the same bits (deterministic: %s)',
  {
    timeout: 120_000,
  },
  async (deterministic) => {
    const alone = await trainSome({ threads: 1, deterministic, steps: 5 });
    expect(alone.detail).toMatch(deterministic ? /WebAssembly, SIMD, / : /WebAssembly, relaxed SIMD, /);
    for (const threads of [2, 3, 5]) {
      const { losses, digest, ...rest } = await trainSome({ threads, deterministic, steps: 5 });
      expect(rest).toMatchObject({ threads, leaked: 0 });
      expect({ losses, digest }).toEqual({ losses: alone.losses, digest: alone.digest });
    }
  },
);
