import type { InvalidConfigError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { constant, cosine, linear } from './schedules.ts';

const options = { learningRate: 2, totalSteps: 110, warmupSteps: 10, minRatio: 0.1 };

describe('schedules', () => {
  it.each([
    ['cosine', cosine(options), 0.1],
    ['linear', linear(options), 0.1],
    ['constant', constant(options), 1],
  ])('%s warms up in a line and ends at its ratio', (_name, schedule, end) => {
    expect(schedule(0)).toBeCloseTo(2 / 11, 12);
    expect(schedule(9)).toBeCloseTo((2 * 10) / 11, 12);
    expect(schedule(10)).toBe(2);
    expect(schedule(110)).toBeCloseTo(2 * end, 12);
    expect(schedule(500)).toBeCloseTo(2 * end, 12);
  });

  it('have their closed forms in between', () => {
    // 25 %, 50 % and 75 % of the way after the warm-up
    expect(cosine(options)(35)).toBeCloseTo(2 * (0.1 + (0.9 * (1 + Math.SQRT1_2)) / 2), 12);
    expect(cosine(options)(60)).toBeCloseTo(2 * (0.1 + 0.45), 12);
    expect(linear(options)(60)).toBeCloseTo(2 * (0.1 + 0.45), 12);
    expect(linear(options)(85)).toBeCloseTo(2 * (0.1 + 0.9 * 0.25), 12);
    expect(constant(options)(60)).toBe(2);
  });

  it('take the warm-up as a ratio', () => {
    const byRatio = cosine({ learningRate: 1, totalSteps: 105, warmupRatio: 0.1 });
    expect(byRatio.settings).toEqual(cosine({ learningRate: 1, totalSteps: 105, warmupSteps: 11 }).settings);
  });

  it('never give a step of learning rate 0 by default', () => {
    for (const make of [cosine, linear]) {
      const schedule = make({ learningRate: 1, totalSteps: 20, warmupSteps: 5 });
      for (let step = 0; step < 20; step++) expect(schedule(step)).toBeGreaterThan(0);
    }
  });

  it('refuse nonsense, all of it at once', () => {
    const wrong = { learningRate: -1, totalSteps: 0, warmupSteps: 2, warmupRatio: 0.5, minRatio: 2 };
    try {
      cosine(wrong);
      expect.unreachable();
    } catch (error) {
      expect((error as InvalidConfigError).problems.map(({ path }) => path)).toEqual([
        ...['learningRate', 'totalSteps', 'minRatio', 'warmupRatio', 'warmupSteps'],
      ]);
    }
  });
});
