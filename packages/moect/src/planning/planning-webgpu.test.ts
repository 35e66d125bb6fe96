import { existsSync } from 'node:fs';
import { findAdapter, webgpuMemory } from '@moect/backend-webgpu';
import type { StepMetrics } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MoectConfig } from '../config/schema.ts';
import { trainConfig } from '../config/train-config.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { planConfig } from '../testing/plan-config.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { formatPlan } from './format.ts';

const obstacle = await findAdapter().then(
  () => undefined,
  (error: Error) => error.message,
);
const note = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`the plan of a run on WebGPU${note}`, { timeout: 120_000 }, () => {
  let world: TinyWorld;
  beforeAll(async () => {
    world = await makeTinyWorld();
    const sizes = { hidden_size: 64, intermediate_size: 160, num_hidden_layers: 2, vocab_size: 4000 };
    await makeTinyBase(world.at('wide'), 3, sizes);
  });
  afterAll(() => world?.remove());

  function config(
    output: string,
    preset: string,
    training: MoectConfig['training'],
    gpuMemoryBytes?: number,
  ): MoectConfig {
    return {
      base: world.at('wide'),
      preset,
      languages: [
        { code: 'swh_Latn', role: 'new', files: [world.at('swh_Latn.txt')] },
        { code: 'eng_Latn', role: 'old', files: [world.at('eng_Latn.txt')] },
      ],
      data: { sequenceLength: 32, heldOut: 0 },
      training: { steps: 3, ...training },
      backend: { name: 'webgpu', ...(gpuMemoryBytes !== undefined && { gpuMemoryBytes }) },
      output: world.at(output),
    };
  }

  it.each([
    // the larger run first: what it leaves in the pool of buffers may not count for the smaller one
    ['moe-ct', { batchSize: 10 }],
    ['lora-ct', { batchSize: 6, accumulation: 2 }],
  ])('%s: memory of the device within 2 %% of what the run takes', async (preset, training) => {
    const given = config(`peak-${preset}`, preset, training);
    const { memory } = await planConfig(given, { time: false });
    let held = 0;
    const pack = await trainConfig(given, {
      callbacks: [
        {
          contract: 'callback/1',
          name: 'measure',
          onStep: (_: StepMetrics): void => {
            held = webgpuMemory()!.usedBytes;
          },
        },
      ],
    });
    pack.dispose();
    expect(Math.abs(memory.gpu!.usedBytes / held - 1)).toBeLessThan(0.02);
    expect(memory.gpu!.peakBytes).toBeLessThanOrEqual(memory.gpu!.usedBytes);
    expect(memory.heap).toBeNull();
  });

  it('refuses what is more than may be used before it begins, and says which batch fits', async () => {
    const full = await planConfig(config('full', 'ct', { batchSize: 32 }), { time: false });
    expect(full.problems).toEqual([]);
    expect(formatPlan(full)).toMatch(/^gpu memory {2}[\d.]+ MiB; [\d.]+ MiB in use at the peak$/m);
    const most = Math.round(0.8 * full.memory.gpu!.usedBytes);
    const given = config('small', 'ct', { batchSize: 32 }, most);
    await expect(trainConfig(given)).rejects.toThrow(
      /a step takes .* of GPU memory, of which .* may be used[\s\S]*--batch-size (16|8) --accumulation/,
    );
    expect(existsSync(world.at('small/checkpoints'))).toBe(false);
  });

  it('refuses tensors that are larger than a buffer of the GPU', async () => {
    const most = Math.round(webgpuMemory()!.maxTensorBytes / (4 * 32 * 160));
    const huge = config('huge', 'ct', { batchSize: 2 * most });
    const { problems, suggestions } = await planConfig(huge, { time: false });
    expect(problems).toEqual([
      expect.stringMatching(/a tensor of a step takes .* a buffer of this GPU at most/),
    ]);
    expect(suggestions[0]).toMatch(/^--batch-size \d+ --accumulation/);
  });
});
