import { testMethod } from '@moect/experts/testing';
import { createRng, selectBackend } from '@moect/tensor';
import { adamW, constant, train } from '@moect/trainer';
import { describe, expect, it } from 'vitest';
import { bottleneckAdapter } from '../../examples/custom-method/parts.mjs';
import { tinyBase, tinyData } from '../support/tiny.ts';

testMethod({
  create: () => bottleneckAdapter,
  createBase: tinyBase,
  isExactAtStart: true,
  refuses: [{ config: { size: 0, width: 3 }, paths: ['size', 'width'] }],
});

describe('a method of one’s own, at block sites', () => {
  it('learns with the trainer as any other', async () => {
    await selectBackend('wasm');
    const base = tinyBase();
    const extension = bottleneckAdapter.attach(base, {}, createRng(1));
    const losses: number[] = [];
    const totalSteps = 60;
    await train({
      base,
      extension,
      data: tinyData(),
      totalSteps,
      optimizer: adamW(),
      schedule: constant({ learningRate: 0.02, totalSteps }),
      callbacks: [{ contract: 'callback/1', name: 'record', onStep: ({ loss }) => void losses.push(loss) }],
    });
    const mean = (of: number[]): number => of.reduce((a, b) => a + b, 0) / of.length;
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)) - 0.3);
    extension.dispose();
    base.dispose();
  });
});
