import type { BatchSource, Callback, StepMetrics } from '@moect/core';
import { memory } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { adamW } from '../optimization/adam-w.ts';
import { constant } from '../optimization/schedules.ts';
import { tinyData } from '../testing/tiny-data.ts';
import { allParameters, gatedBranch, tinyModel } from '../testing/tiny-model.ts';
import type { TrainOptions } from './options.ts';
import { train } from './train.ts';

function record(into: StepMetrics[]): Callback {
  return { contract: 'callback/1', name: 'record', onStep: (metrics) => void into.push(metrics) };
}

interface Outcome {
  readonly metrics: StepMetrics[];
  readonly weights: Map<string, number[]>;
}

async function runTiny(
  make: typeof gatedBranch,
  options: Partial<TrainOptions> & { data: BatchSource; totalSteps: number },
): Promise<Outcome> {
  const base = tinyModel();
  const extension = make(base);
  const metrics: StepMetrics[] = [];
  try {
    await train({
      base,
      extension,
      optimizer: adamW({ weightDecay: 0.1 }),
      schedule: constant({ learningRate: 0.02, totalSteps: options.totalSteps }),
      ...options,
      callbacks: [record(metrics), ...(options.callbacks ?? [])],
    });
    const weights = new Map<string, number[]>();
    for (const [path, value] of extension.parameters) weights.set(path, [...(await value.data())]);
    return { metrics, weights };
  } finally {
    extension.dispose();
    base.dispose();
  }
}

describe.each(testBackends())('train on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each([
    ['all parameters', allParameters],
    ['a gated branch', gatedBranch],
  ])('learns with %s', async (_name, make) => {
    const { metrics } = await runTiny(make, { data: tinyData(), totalSteps: 60 });
    expect(metrics).toHaveLength(60);
    const [first, last] = [metrics[0]!, metrics[59]!];
    expect(first.loss).toBeGreaterThan(2);
    expect(last.loss).toBeLessThan(first.loss - 0.25);
    expect(Object.keys(last.lossByLanguage)).toEqual(['eng_Latn', 'swh_Latn']);
    expect(last.step).toBe(60);
  });

  it.each([
    ['all parameters', allParameters],
    ['a gated branch', gatedBranch],
  ])('adds micro-batches of %s up to the batch (law 10)', async (_name, make) => {
    const whole = await runTiny(make, { data: tinyData({ batchSize: 6 }), totalSteps: 3 });
    const parts = await runTiny(make, {
      data: tinyData({ batchSize: 2 }),
      totalSteps: 3,
      gradientAccumulation: 3,
    });
    whole.metrics.forEach((expected, i) => {
      const given = parts.metrics[i]!;
      expect(given.tokens).toBe(expected.tokens);
      expect(given.loss).toBeCloseTo(expected.loss, 5);
      expect(given.gradientNorm).toBeCloseTo(expected.gradientNorm, 5);
      for (const [name, value] of Object.entries(expected.auxLosses)) {
        expect(given.auxLosses[name]).toBeCloseTo(value, 6);
      }
    });
    for (const [path, values] of whole.weights) {
      const given = parts.weights.get(path)!;
      for (const [i, value] of values.entries()) expect(given[i]).toBeCloseTo(value, 4);
    }
  });

  it('leaks no tensor over 50 steps', async () => {
    const counts: number[] = [];
    const count: Callback = {
      contract: 'callback/1',
      name: 'count',
      onStep: () => void counts.push(memory().numTensors),
    };
    const leaked = await leakedTensors(async () => {
      await runTiny(gatedBranch, {
        data: tinyData(),
        totalSteps: 50,
        gradientAccumulation: 2,
        statisticsEvery: 5,
        callbacks: [count],
      });
    });
    expect(leaked).toBe(0);
    expect(new Set(counts)).toEqual(new Set([counts[0]]));
  });
});
