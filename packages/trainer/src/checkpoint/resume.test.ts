import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSource, Callback, Extension, StepMetrics } from '@moect/core';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { adamW } from '../optimization/adam-w.ts';
import { cosine } from '../optimization/schedules.ts';
import { tinyData } from '../testing/tiny-data.ts';
import { allParameters, gatedBranch, noisyBranch, tinyModel } from '../testing/tiny-model.ts';
import { findCheckpoints, latestCheckpoint } from './find-checkpoints.ts';
import { lockRun } from './run-lock.ts';
import { type TrainInFolderOptions, trainInFolder } from './train-in-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-run-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

interface Run extends Partial<TrainInFolderOptions> {
  readonly runFolder: string;
  readonly data?: BatchSource;
  readonly make?: typeof gatedBranch;
  readonly vocabSize?: number;
  readonly hiddenSize?: number;
}

async function run({ make = gatedBranch, vocabSize = 11, hiddenSize = 8, ...options }: Run) {
  const base = tinyModel(vocabSize, hiddenSize);
  const extension = make(base);
  const metrics: StepMetrics[] = [];
  const record: Callback = { contract: 'callback/1', name: 'record', onStep: (m) => void metrics.push(m) };
  try {
    const result = await trainInFolder({
      base,
      extension,
      data: tinyData(),
      totalSteps: 12,
      gradientAccumulation: 3,
      optimizer: adamW({ weightDecay: 0.1 }),
      schedule: cosine({ learningRate: 0.02, totalSteps: 12, warmupSteps: 3 }),
      ...options,
      callbacks: [record, ...(options.callbacks ?? [])],
    });
    return { result, metrics };
  } finally {
    extension.dispose();
    base.dispose();
  }
}

/** Ends a run after a step, as a signal would. */
function interruptAfter(step: number): Pick<TrainInFolderOptions, 'signal' | 'callbacks'> {
  const controller = new AbortController();
  const onStep = (metrics: StepMetrics): void => {
    if (metrics.step === step) controller.abort();
  };
  return { signal: controller.signal, callbacks: [{ contract: 'callback/1', name: 'interrupt', onStep }] };
}

function numbers({ tokensPerSecond: _, ...rest }: StepMetrics): object {
  return rest;
}

describe.each(testBackends())('resume on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  // 10 rows an epoch, 6 rows a step: the epoch ends inside steps
  it.each([
    ['all parameters', allParameters, 5],
    ['a gated branch', gatedBranch, 6],
    ['random numbers in its passes', noisyBranch, 7],
  ])('is exact to the bit with %s', async (_name, make, at) => {
    const whole = join(folder, 'whole');
    const parts = join(folder, 'parts');
    const { metrics } = await run({ runFolder: whole, make });
    const first = await run({ runFolder: parts, make, ...interruptAfter(at) });
    expect(first.result.reason).toBe('interrupted');
    expect(first.result.step).toBe(at);
    const second = await run({ runFolder: parts, make, resume: true });
    expect(second.result.reason).toBe('finished');
    expect([...first.metrics, ...second.metrics].map(numbers)).toEqual(metrics.map(numbers));
    for (const file of ['extension.safetensors', 'optimizer.safetensors', 'state.json', 'COMPLETE']) {
      const expected = await readFile(join(whole, 'checkpoints/step-000012', file));
      const given = await readFile(join(parts, 'checkpoints/step-000012', file));
      expect(given.equals(expected), file).toBe(true);
    }
  });
});

describe('checkpoints', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  it('keep the newest few and every file of them', async () => {
    await run({ runFolder: folder, checkpointEvery: 2, keepLast: 2 });
    const { complete, torn } = await findCheckpoints(folder);
    expect(complete.map(({ step }) => step)).toEqual([10, 12]);
    expect(torn).toEqual([]);
    expect(await readdir(join(folder, 'checkpoints'))).toEqual(['step-000010', 'step-000012']);
    expect((await readdir(folder)).sort()).toEqual(['checkpoints', 'events.jsonl']);
    const state = JSON.parse(await readFile(join(folder, 'checkpoints/step-000012/state.json'), 'utf8'));
    expect(state).toMatchObject({ step: 12, batchCounter: 36, run: { seed: 0, maxGradNorm: 1 } });
    expect(state.tokensSeen).toBeGreaterThan(100);
  });

  it('pass over torn ones, and say so', async () => {
    await run({ runFolder: folder, checkpointEvery: 4 });
    await rm(join(folder, 'checkpoints/step-000012/COMPLETE'));
    await writeFile(join(folder, 'checkpoints/step-000008/optimizer.safetensors'), 'short');
    const torn: string[] = [];
    const latest = await latestCheckpoint(folder, ({ reason }) => torn.push(reason));
    expect(latest?.step).toBe(4);
    expect(torn[0]).toMatch(/optimizer.safetensors has 5 bytes, not \d+/);
    expect(torn[1]).toBe('COMPLETE is missing');
    const { result, metrics } = await run({ runFolder: folder, resume: true, onTorn: () => undefined });
    expect([result.step, metrics[0]?.step]).toEqual([12, 5]);
    expect((await findCheckpoints(folder)).torn.map(({ step }) => step)).toEqual([8]);
  });

  it('are not loaded when a byte has changed', async () => {
    await run({ runFolder: folder });
    const path = join(folder, 'checkpoints/step-000012/extension.safetensors');
    const bytes = await readFile(path);
    bytes[bytes.length - 2]! ^= 1;
    await writeFile(path, bytes);
    await expect(run({ runFolder: folder, resume: true })).rejects.toThrow(
      /extension.safetensors was changed/,
    );
  });

  it('refuse another run, listing every difference', async () => {
    await run({ runFolder: folder, totalSteps: 2 });
    const other = tinyData({ epochRows: 9 });
    const wrong = run({
      runFolder: folder,
      resume: true,
      data: other,
      hiddenSize: 6,
      seed: 5,
      maxGradNorm: 2,
    });
    await expect(wrong).rejects.toMatchObject({ name: 'CheckpointError' });
    const message = await wrong.catch((error: Error) => error.message);
    for (const part of [
      'data fingerprint was "tiny-12-11-10", is now "tiny-12-11-9"',
      'extension has model.layers.0.mlp.branch.weight as [8, 8], this run needs [6, 6]',
      'optimizer has exp_avg.model.layers.0.mlp.gate.weight as [1, 8], this run needs [1, 6]',
      'seed was 0, is now 5',
      'maxGradNorm was 1, is now 2',
    ]) {
      expect(message).toContain(part);
    }
    await expect(run({ runFolder: folder, resume: true, make: allParameters })).rejects.toThrow(
      /extension lacks model.embed_tokens.weight[\s\S]*holds model.layers.0.mlp.gate.weight/,
    );
  });

  it('refuse other settings unless allowed', async () => {
    await run({ runFolder: folder, totalSteps: 2 });
    const changed = { runFolder: folder, totalSteps: 4, resume: true, optimizer: adamW({ weightDecay: 0 }) };
    await expect(run(changed)).rejects.toThrow(/optimizer settings was .*allow changed settings/s);
    expect((await run({ ...changed, allowChangedSettings: true })).result.step).toBe(4);
  });

  it('refuse another base', async () => {
    const identity = (sha256: string) => ({ id: 'tiny', revision: null, sha256 });
    await run({ runFolder: folder, totalSteps: 2, baseIdentity: identity('aaaa') });
    await expect(
      run({ runFolder: folder, resume: true, baseIdentity: identity('bbbb') }),
    ).rejects.toMatchObject({ name: 'BaseMismatchError', expectedSha256: 'aaaa', givenSha256: 'bbbb' });
  });

  it('are resumed when settings have got other names since', async () => {
    const withConfig =
      (config: Extension['config']): typeof gatedBranch =>
      (base) => ({ ...gatedBranch(base), config });
    const former = withConfig({ layers: 'all', fusion: { type: 'guarded', snap: 0.2 } });
    await run({ runFolder: folder, totalSteps: 2, make: former });
    const other = withConfig({ layers: 'all', fusion: { type: 'guarded', gateThreshold: 0.5 } });
    await expect(run({ runFolder: folder, make: other, resume: true })).rejects.toThrow(
      /method config was .*"gateThreshold":0.2.*, is now .*"gateThreshold":0.5/,
    );
    const same = withConfig({ fusion: { gateThreshold: 0.2, type: 'guarded' }, layers: 'all' });
    expect((await run({ runFolder: folder, make: same, resume: true })).result.step).toBe(12);
  });

  it('are not overwritten by a run that does not resume', async () => {
    await run({ runFolder: folder, totalSteps: 2 });
    await expect(run({ runFolder: folder })).rejects.toThrow(
      /holds a run that has reached step 2.*Resume it/,
    );
  });
});

describe('interruption and lock', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  it('reaches an evaluation, which is made up for after the resume', async () => {
    const controller = new AbortController();
    const evaluated: number[] = [];
    const evaluate = async (step: number, signal?: AbortSignal): Promise<Record<string, number>> => {
      if (step === 4) controller.abort();
      signal?.throwIfAborted();
      evaluated.push(step);
      return { loss: 1 };
    };
    const common = { runFolder: folder, evaluate, evaluateEvery: 4 };
    const { result } = await run({ ...common, signal: controller.signal });
    expect([result.reason, result.step, result.evaluation]).toEqual(['interrupted', 4, null]);
    expect(result.checkpoint).toContain('step-000004');
    const again = async (step: number): Promise<Record<string, number>> => ({ loss: evaluated.push(step) });
    await run({ ...common, evaluate: again, resume: true });
    expect(evaluated).toEqual([4, 8, 12]);
  });

  it('allows one run a folder', async () => {
    const lock = await lockRun(folder);
    await expect(run({ runFolder: folder })).rejects.toThrow(`process ${process.pid} on`);
    await lock.release();
    await run({ runFolder: folder, totalSteps: 1 });
    expect(await readdir(folder)).not.toContain('run.lock');
  });

  it('takes over the lock of a process that is gone', async () => {
    const lock = await lockRun(folder);
    const path = join(folder, 'run.lock');
    const owner = JSON.parse(await readFile(path, 'utf8'));
    await lock.release();
    // one owner has a number that no process has, the other this process's number with another start
    for (const gone of [{ ...owner, pid: 2 ** 30 }, ...(owner.started ? [{ ...owner, started: '1' }] : [])]) {
      await writeFile(path, JSON.stringify({ ...gone, token: 'gone' }));
      const taken = await lockRun(folder);
      await taken.release();
    }
    // nobody can tell whether another machine's process is alive
    await writeFile(path, JSON.stringify({ ...owner, host: 'elsewhere' }));
    await expect(lockRun(folder)).rejects.toThrow('on elsewhere trains here');
  });
});
