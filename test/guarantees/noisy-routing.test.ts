import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Callback, StepMetrics } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createRng, selectBackend } from '@moect/tensor';
import { testBackends } from '@moect/tensor/testing';
import { adamW, constant } from '@moect/trainer';
import { trainInFolder } from '@moect/trainer/node';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tinyBase, tinyData } from '../support/tiny.ts';

const totalSteps = 6;

interface Run {
  readonly runFolder: string;
  readonly noise?: 'none' | 'gaussian';
  readonly seed?: number;
  readonly recompute?: boolean;
  readonly resume?: boolean;
  /** The run is interrupted after this step. */
  readonly until?: number;
}

/** Losses of the steps that one call makes. */
async function train({ runFolder, noise = 'gaussian', seed = 5, until, ...options }: Run): Promise<number[]> {
  const base = tinyBase();
  const config = { numExperts: 4, topK: 2, router: { type: 'top-k', noise, balanceLoss: 0.01 } };
  const extension = moeCt().attach(base, config, createRng(3));
  const controller = new AbortController();
  const losses: number[] = [];
  const onStep = ({ step, loss }: StepMetrics): void => {
    losses.push(loss);
    if (step === until) controller.abort();
  };
  const record: Callback = { contract: 'callback/1', name: 'record', onStep };
  await trainInFolder({
    base,
    extension,
    data: tinyData(),
    totalSteps,
    gradientAccumulation: 2,
    optimizer: adamW(),
    schedule: constant({ learningRate: 0.02, totalSteps }),
    signal: controller.signal,
    callbacks: [record],
    runFolder,
    seed,
    ...options,
  });
  extension.dispose();
  base.dispose();
  return losses;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-noisy-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe.each(testBackends())('a noisy router on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  const weights = (run: string): Promise<Buffer> =>
    readFile(join(folder, run, 'checkpoints/step-000006/extension.safetensors'));

  it('draws the same numbers after a resume, and when layers run again on the way back', async () => {
    const at = (name: string): string => join(folder, name);
    const whole = await train({ runFolder: at('whole') });
    const first = await train({ runFolder: at('parts'), until: 3 });
    const second = await train({ runFolder: at('parts'), resume: true });
    expect(first).toHaveLength(3);
    expect([...first, ...second]).toEqual(whole);
    expect((await weights('parts')).equals(await weights('whole'))).toBe(true);
    expect(await train({ runFolder: at('again'), recompute: true })).toEqual(whole);
    expect((await weights('again')).equals(await weights('whole'))).toBe(true);
  });

  it('draws others with another seed, and differs from a router without noise', async () => {
    const runs = [{}, { seed: 6 }, { noise: 'none' }] as const;
    const losses: number[][] = [];
    for (const [i, run] of runs.entries())
      losses.push(await train({ runFolder: join(folder, `${i}`), ...run }));
    expect(losses[1]).not.toEqual(losses[0]);
    expect(losses[2]).not.toEqual(losses[0]);
    expect(losses.flat().every(Number.isFinite)).toBe(true);
  });
});
