import { beforeAll, describe, expect, it } from 'vitest';
import { accumulate, clipScale, clone, dispose, memory, scalar, tensor, tidy } from '../index.ts';
import { selectBackend, testBackends } from '../testing.ts';

describe.each(testBackends())('accumulate on %s', (backend) => {
  beforeAll(() => selectBackend(backend).then(() => undefined));

  it('gives the sums of many pairs, changes nothing that is shared, and uses the rest up', async () => {
    const before = memory().numTensors;
    const values = (seed: number, i: number): number[] => Array.from({ length: i }, (_, j) => seed + i * j);
    const sizes = Array.from({ length: 20 }, (_, i) => i);
    const totals = sizes.map((i) => tensor(values(1, i), [i]));
    const more = sizes.map((i) => tensor(values(100, i), [i]));
    const shared = clone(totals[7]!);
    const sums = accumulate(totals, more);
    for (const [i, sum] of sums.entries()) {
      expect([...(await sum.data())]).toEqual(values(1, i).map((x, j) => x + values(100, i)[j]!));
    }
    expect([...(await shared.data())]).toEqual(values(1, 7));
    dispose([sums, shared]);
    expect(memory().numTensors).toBe(before);
  });

  it('clips by the norm as torch does', async () => {
    for (const [norm, expected] of [
      [0.5, 1],
      [4, 2 / (4 + 1e-6)],
    ] as const) {
      const scale = tidy(() => clipScale(scalar(norm), 2));
      expect((await scale.data())[0]).toBeCloseTo(expected, 6);
      scale.dispose();
    }
  });
});
