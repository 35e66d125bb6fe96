import { describe, expect, it } from 'vitest';
import { permutedIndex } from './permutation.ts';
import { replayCount, weightedSampler } from './samplers.ts';

describe('permutedIndex', () => {
  it.each([1, 2, 3, 4, 5, 15, 16, 17, 100, 1023, 4097])('is a permutation of %d places', (size) => {
    const places = Array.from({ length: size }, (_, i) => permutedIndex(i, size, 42));
    expect([...places].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
  });

  it('depends on the seed, and leaves few places where they were', () => {
    const size = 1000;
    const order = (seed: number): number[] =>
      Array.from({ length: size }, (_, i) => permutedIndex(i, size, seed));
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
    expect(order(1).filter((place, i) => place === i).length).toBeLessThan(10);
  });

  it('works where sizes exceed 32 bits', () => {
    const size = 2 ** 40 + 7;
    const place = permutedIndex(2 ** 39 + 1, size, 5);
    expect(Number.isInteger(place) && place >= 0 && place < size).toBe(true);
  });

  it('spreads a place evenly over seeds', () => {
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 10_000; seed++) counts[permutedIndex(3, 10, seed * 7919)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('weightedSampler', () => {
  it('keeps even counts within a few draws of their share at any moment', () => {
    const weights = [5, 3, 1, 1];
    const sampler = weightedSampler(weights, { seed: 7 });
    const counts = [0, 0, 0, 0];
    let worst = 0;
    for (let n = 0; n < 20_000; n++) {
      counts[sampler.at(n)]!++;
      for (const [i, weight] of weights.entries()) {
        worst = Math.max(worst, Math.abs(counts[i]! - ((n + 1) * weight) / 10));
      }
    }
    expect(worst).toBeLessThan(5);
  });

  it('draws at random about in proportion', () => {
    const sampler = weightedSampler([1, 3], { seed: 7, spacing: 'random' });
    const second = Array.from({ length: 10_000 }, (_, n) => sampler.at(n)).filter((i) => i === 1).length;
    expect(Math.abs(second - 7500)).toBeLessThan(200);
  });

  it('never draws weight 0, and knows far counters', () => {
    for (const spacing of ['even', 'random'] as const) {
      const sampler = weightedSampler([0, 1, 1, 0], { seed: 1, spacing });
      for (let n = 0; n < 1000; n++) expect([1, 2]).toContain(sampler.at(2 ** 45 + n));
    }
  });
});

describe('replayCount', () => {
  it('keeps the share exactly and evenly', () => {
    for (const share of [0, 0.05, 0.1, 1 / 3, 0.5, 1]) {
      for (let n = 0; n < 1000; n++) {
        const step = replayCount(n + 1, share) - replayCount(n, share);
        expect(step === 0 || step === 1).toBe(true);
        expect(Math.abs(replayCount(n, share) - n * share)).toBeLessThanOrEqual(0.5 + 1e-9);
      }
    }
    expect(replayCount(928, 0.05)).toBe(46);
  });
});
