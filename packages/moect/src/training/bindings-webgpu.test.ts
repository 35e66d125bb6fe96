import { findAdapter } from '@moect/backend-webgpu';
import type { StepMetrics } from '@moect/core';
import { selectBackend } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limitWebgpuBindings } from '../../../backend-webgpu/src/test-support.ts';
import { trainConfig } from '../config/train-config.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';

const obstacle = await findAdapter().then(
  () => undefined,
  (error: Error) => error.message,
);
const note = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(
  `a run on a GPU that binds little${note}`,
  { timeout: 120_000 },
  () => {
    let world: TinyWorld;
    beforeAll(async () => {
      world = await makeTinyWorld();
      await makeTinyBase(world.at('wide'), 3, { hidden_size: 48, intermediate_size: 112, vocab_size: 300 });
    });
    afterAll(async () => {
      await selectBackend('webgpu');
      limitWebgpuBindings(null);
      await world?.remove();
    });

    async function losses(output: string, preset: string, bindingBytes: number | null): Promise<number[]> {
      await selectBackend('webgpu');
      limitWebgpuBindings(bindingBytes);
      const seen: number[] = [];
      const onStep = ({ loss }: StepMetrics): void => void seen.push(loss);
      const given = {
        base: world.at('wide'),
        preset,
        languages: [
          { code: 'swh_Latn', role: 'new' as const, files: [world.at('swh_Latn.txt')] },
          { code: 'eng_Latn', role: 'old' as const, files: [world.at('eng_Latn.txt')] },
        ],
        data: { sequenceLength: 30, heldOut: 0.2 },
        training: { steps: 3, batchSize: 9 },
        backend: { name: 'webgpu' as const },
        output: world.at(output),
      };
      const pack = await trainConfig(given, {
        callbacks: [{ contract: 'callback/1', name: 'losses', onStep }],
      });
      pack.dispose();
      return seen;
    }

    it.each(['moe-ct', 'lora-ct', 'ct'])('%s has the losses of one that binds all', async (preset) => {
      const expected = await losses(`${preset}-whole`, preset, null);
      // a sequence has 1,440 values a layer, the batch 12,960; 270 tokens have logits of their experts
      const given = await losses(`${preset}-parts`, preset, 4 * 6000);
      expect([expected.length, given.length]).toEqual([3, 3]);
      for (const [i, value] of given.entries()) {
        expect(Math.abs(value / expected[i]! - 1), `step ${i + 1}`).toBeLessThan(1e-5);
      }
    });
  },
);
