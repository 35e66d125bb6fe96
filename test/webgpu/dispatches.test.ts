import { type MoeCtConfig, moeCt } from '@moect/experts';
import { createRng } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { adamW, constant, train } from '@moect/trainer';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyBase, tinyData, VOCAB_SIZE } from '../support/tiny.ts';
import { webgpuObstacle } from './adapter.ts';
import { countDispatches } from './count-dispatches.ts';

const title = webgpuObstacle === undefined ? '' : ` (skipped: ${webgpuObstacle})`;
const STEPS = 3;

/** Dispatches of each step of a MoE-CT with two layers and a gate, clipped. */
async function dispatchesOf(config: Partial<MoeCtConfig>, gradientAccumulation: number): Promise<number[]> {
  const base = tinyBase(1, VOCAB_SIZE, 2);
  const extension = moeCt().attach(base, { numExperts: 4, topK: 2, ...config }, createRng(2));
  const laps = await countDispatches(async (lap) => {
    await train({
      base,
      extension,
      data: tinyData(2),
      totalSteps: STEPS,
      gradientAccumulation,
      maxGradNorm: 0.1,
      optimizer: adamW({ weightDecay: 0.1 }),
      schedule: constant({ learningRate: 3e-3, totalSteps: STEPS }),
      callbacks: [{ contract: 'callback/1', name: 'laps', onStep: lap }],
    });
  });
  extension.dispose();
  base.dispose();
  return laps;
}

const losses = { router: { type: 'top-k', balanceLoss: 0.01, zLoss: 0.001 } };

describe.skipIf(webgpuObstacle !== undefined)(`dispatches of a MoE-CT step with two layers${title}`, () => {
  beforeAll(() => selectBackend('webgpu').then(() => undefined));

  // the first step makes variables and tables as well
  it.each([
    ['four experts, two chosen, guarded gate', {}, 1, 194],
    ['balance and z-loss as well', losses, 1, 230],
    ['two micro-batches', {}, 2, 383],
  ])('%s', async (_, config, gradientAccumulation, most) => {
    const laps = await dispatchesOf(config, gradientAccumulation);
    expect(laps).toHaveLength(STEPS);
    expect(Math.min(...laps)).toBeGreaterThan(100);
    expect(Math.max(...laps.slice(1))).toBeLessThanOrEqual(most);
  });
});
