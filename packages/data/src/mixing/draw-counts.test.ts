import { expect, it } from 'vitest';
import { DrawCounts } from './draw-counts.ts';
import { weightedSampler } from './samplers.ts';

it('counts as if drawn one by one, in whatever order it is asked', () => {
  const sampler = weightedSampler([3, 1, 2], { seed: 5, spacing: 'random' });
  const places = [0, 1, 4095, 4096, 4097, 10_000, 12_288];
  const slow = (before: number): number[] => {
    const counts = [0, 0, 0];
    for (let counter = 0; counter < before; counter++) counts[sampler.at(counter)]!++;
    return counts;
  };
  for (const order of [places, [...places].reverse()]) {
    const counts = new DrawCounts(sampler, 3);
    for (const place of order) expect([...counts.before(place)]).toEqual(slow(place));
  }
});
