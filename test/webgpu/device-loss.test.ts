import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BackendUnavailableError, type Callback } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createRng } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { adamW, constant } from '@moect/trainer';
import { latestCheckpoint, trainInFolder } from '@moect/trainer/node';
import { backend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyBase, tinyData } from '../support/tiny.ts';
import { webgpuObstacle } from './adapter.ts';

const STEPS = 5;
const title = webgpuObstacle === undefined ? '' : ` (skipped: ${webgpuObstacle})`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moect-loss-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Trains in a folder with a checkpoint after every second step; returns the losses of its steps. */
async function run(
  name: string,
  resume: boolean,
  afterStep: (step: number) => void,
): Promise<Map<number, number>> {
  const base = tinyBase();
  const extension = moeCt().attach(base, {}, createRng(1));
  const losses = new Map<number, number>();
  const onStep: Callback['onStep'] = ({ step, loss }) => {
    losses.set(step, loss);
    afterStep(step);
  };
  try {
    await trainInFolder({
      runFolder: path.join(folder, name),
      resume,
      base,
      extension,
      data: tinyData(),
      totalSteps: STEPS,
      checkpointEvery: 2,
      optimizer: adamW(),
      schedule: constant({ learningRate: 3e-3, totalSteps: STEPS }),
      callbacks: [{ contract: 'callback/1', name: 'losses', onStep }],
    });
  } finally {
    extension.dispose();
    base.dispose();
  }
  return losses;
}

const loseDevice = (): void => (backend() as unknown as { device: { destroy(): void } }).device.destroy();

describe.skipIf(webgpuObstacle !== undefined)(`a GPU that is lost${title}`, () => {
  it('leaves a run that goes on from its last checkpoint to the same losses', {
    timeout: 120_000,
  }, async () => {
    await selectBackend('webgpu');
    const whole = await run('whole', false, () => {});
    const lost = run('lost', false, (step) => {
      if (step === 3) loseDevice();
    });
    await expect(lost).rejects.toThrow(BackendUnavailableError);
    await expect(lost).rejects.toThrow(/device was lost .* last checkpoint is intact/s);
    expect(await latestCheckpoint(path.join(folder, 'lost'))).toMatchObject({ step: 2 });
    await selectBackend('webgpu');
    const rest = await run('lost', true, () => {});
    expect([...rest.keys()]).toEqual([3, 4, 5]);
    for (const [step, loss] of rest) expect(loss).toBe(whole.get(step));
  });
});
