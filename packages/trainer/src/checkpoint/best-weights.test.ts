import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Callback } from '@moect/core';
import { selectBackend } from '@moect/tensor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copyWeights } from '../loop/best-weights.ts';
import type { TrainResult } from '../loop/options.ts';
import type { BestWeights } from '../loop/run-state.ts';
import { adamW } from '../optimization/adam-w.ts';
import { constant } from '../optimization/schedules.ts';
import { tinyData } from '../testing/tiny-data.ts';
import { gatedBranch, tinyModel } from '../testing/tiny-model.ts';
import { type TrainInFolderOptions, trainInFolder } from './train-in-folder.ts';

let folder = '';
beforeAll(async () => {
  await selectBackend('cpu');
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-best-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Losses of the evaluations after 3, 6, 9 and 12 steps. */
const LOSSES: Record<number, number> = { 3: 2, 6: 1, 9: Number.NaN, 12: 3 };

/** A run of 12 steps: its result, its weights at the end, and those after six steps. */
async function run(more: Partial<TrainInFolderOptions> = {}, stopAfter?: number) {
  const base = tinyModel();
  const extension = gatedBranch(base);
  const controller = new AbortController();
  let atSix: BestWeights | null = null;
  const watch: Callback = {
    contract: 'callback/1',
    name: 'watch',
    async onStep({ step }) {
      if (step === 6) atSix = await copyWeights(extension.parameters);
      if (step === stopAfter) controller.abort();
    },
  };
  try {
    const result: TrainResult = await trainInFolder({
      base,
      extension,
      data: tinyData(),
      totalSteps: 12,
      optimizer: adamW(),
      schedule: constant({ learningRate: 0.02, totalSteps: 12 }),
      runFolder: folder,
      evaluateEvery: 3,
      evaluate: async (step) => ({ loss: LOSSES[step]! }),
      rank: ({ loss }) => loss!,
      signal: controller.signal,
      ...more,
      callbacks: [watch],
    });
    return { result, end: await copyWeights(extension.parameters), atSix: atSix as BestWeights | null };
  } finally {
    extension.dispose();
    base.dispose();
  }
}

describe('a run that ranks its evaluations', () => {
  it('ends with the weights of the best one, and its checkpoint with the last', async () => {
    const { result, end, atSix } = await run();
    expect(result).toMatchObject({ reason: 'finished', step: 12, keptStep: 6 });
    expect(end).toEqual(atSix);
    expect(await readdir(join(folder, 'checkpoints/step-000012'))).toContain('best.safetensors');
    // the run can be made longer, from where it was
    const last = await run({ resume: true, totalSteps: 12, rank: () => Number.NaN });
    expect(last.end).toEqual(atSix);
  });

  it('also after an interruption, whichever side of the best step it was on', async () => {
    for (const stopAfter of [5, 7, 10]) {
      const interrupted = await run({}, stopAfter);
      expect(interrupted.result).toMatchObject({
        reason: 'interrupted',
        step: stopAfter,
        keptStep: stopAfter,
      });
      const { result, end, atSix } = await run({ resume: true });
      expect(result.keptStep).toBe(6);
      expect(end).toEqual(atSix ?? interrupted.atSix);
      await rm(join(folder, 'checkpoints'), { recursive: true });
    }
  });

  it('and without ranking ends with the last', async () => {
    const { result, end, atSix } = await run({ rank: undefined as never });
    expect(result.keptStep).toBe(12);
    expect(end).not.toEqual(atSix);
  });
});
