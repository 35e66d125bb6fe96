import { createRng, dispose, randomNormal, tensor } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { blend } from './blend.ts';

describe.each(testBackends())('blend on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('lets nothing of the branch through where p is 1, and only there', async () => {
    const [residual, base] = [
      randomNormal(createRng(1), [1, 4, 2], 1),
      randomNormal(createRng(2), [1, 4, 2], 1),
    ];
    const moe = tensor([Number.NaN, Number.POSITIVE_INFINITY, -3e38, 5, 1, 2, Number.NaN, 1], [1, 4, 2]);
    const baseWeight = tensor([1, 1, 0.25, 0.5], [1, 4, 1]);
    const y = blend({ residual, base, moe, training: false }, baseWeight);
    const [values, a, f] = [await y.data(), await residual.data(), await base.data()];
    for (const i of [0, 1, 2, 3]) expect(values[i]).toBe(Math.fround(a[i]! + f[i]!));
    for (const i of [4, 5]) expect(values[i]).toBeCloseTo(a[i]! + 0.25 * f[i]! + 0.75 * (i - 3), 5);
    expect(values[6]).toBeNaN();
    const leaked = await leakedTensors(() =>
      blend({ residual, base, moe, training: false }, baseWeight).dispose(),
    );
    expect(leaked).toBe(0);
    dispose([residual, base, moe, baseWeight, y]);
  });
});
