import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { tokensFor } from './size-pack.ts';
import { train } from './train.ts';

describe('the size of a pack', () => {
  let world: TinyWorld;
  let base: Base;
  let text: string;
  beforeAll(async () => {
    world = await makeTinyWorld();
    base = await openBase(world.at('base'));
    text = await readFile(world.at('swh_Latn.txt'), 'utf8');
  });
  afterAll(() => world.remove());

  const packOf = (packSize: number | null, more: object = {}): ReturnType<typeof train> =>
    train(base, {
      preset: 'moe-ct-mixture',
      packSize,
      languages: { swh_Latn: text },
      training: { steps: 2, batchSize: 2 },
      ...more,
    });
  const numbers = ({ info }: Awaited<ReturnType<typeof train>>): number =>
    info.parameters + (info.ngrams ?? 0);

  it('is filled by experts, and not exceeded', async () => {
    const sizes: number[] = [];
    for (const packSize of [0.6, 0.9]) {
      const pack = await packOf(packSize);
      expect(pack.extension.config).toMatchObject({ layers: { top: 1 }, numExperts: 1, attentionRank: 16 });
      const { size } = pack.extension.config['expert'] as { size: number };
      expect(size % 16).toBe(0);
      sizes.push(size);
      const most = packSize * base.parameterCount;
      expect(numbers(pack)).toBeLessThanOrEqual(most);
      expect(numbers(pack)).toBeGreaterThan(most - 16 * 4 * base.model.hiddenSize);
    }
    expect(sizes[1]).toBeGreaterThan(sizes[0]!);
  });

  it('is not asked for: small bases get copies in all layers, and no counts', async () => {
    const pack = await train(base, {
      preset: 'moe-ct-mixture',
      languages: { swh_Latn: text },
      training: { steps: 2, batchSize: 2 },
    });
    expect(pack.extension.config).toMatchObject({ layers: 'all', numExperts: 2, tokenRows: null });
    expect([pack.memory, pack.training.run.packSize]).toEqual([null, null]);
  });

  it('leaves a width that is asked for as it is', async () => {
    const pack = await packOf(0.9, { method: { expert: { size: 8 } } });
    expect(pack.extension.config['expert']).toMatchObject({ size: 8, init: 'slice-zero-down' });
  });

  it('says what is missing where it is too small', async () => {
    await expect(packOf(0.01)).rejects.toThrow(
      /leaves room for [\d,]+ parameters, and the smallest pack has [\d,]+/,
    );
  });

  it('is refused for a preset that has one of its own', async () => {
    await expect(packOf(0.5, { preset: 'ct' })).rejects.toThrow(
      /packSize.*'ct' trains has a size of its own/,
    );
  });

  it('gives rows to the most frequent tokens', () => {
    const counts = new Map([
      [9, 5],
      [2, 1],
      [7, 5],
      [4, 3],
    ]);
    expect(tokensFor(counts, { hiddenSize: 10, mostParameters: 100 })).toEqual([7, 9]);
    expect(tokensFor(counts, { hiddenSize: 10, mostParameters: 1e6 })).toEqual([2, 4, 7, 9]);
  });
});
