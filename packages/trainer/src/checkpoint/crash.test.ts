import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCheckpointStore } from './checkpoint-store.ts';
import { findCheckpoints, latestCheckpoint } from './find-checkpoints.ts';
import { openCheckpoint } from './open-checkpoint.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-crash-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

interface Ended {
  readonly output: string;
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
}

/** Runs a program of the scripts folder from source. */
function start(
  program: string,
  args: string[],
): { child: ChildProcess; ready: Promise<void>; ended: Promise<Ended> } {
  const path = fileURLToPath(new URL(`../../scripts/${program}`, import.meta.url));
  const flags = ['--conditions=@moect/source', '--import', 'tsx', path];
  const child = spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('ready\n')) resolve();
    });
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ output, signal, code }));
  });
  return { child, ready, ended };
}

/** The newest complete checkpoint opens, and all of it is of one step. */
async function expectWhole(folder: string): Promise<number> {
  const latest = await latestCheckpoint(folder);
  const saved = await openCheckpoint(latest!.folder);
  const { step } = latest!;
  expect(saved.state.step).toBe(step);
  for (const [path, tensors] of [
    ['a', saved.parameters],
    ['exp_avg.b', saved.optimizer],
  ] as const) {
    const values = await tensors.read(path);
    expect(values).toHaveLength(200_000);
    expect(values.every((value) => value === step)).toBe(true);
  }
  await saved.close();
  return step;
}

describe('kill -9 while saving', () => {
  it('at any boundary leaves the last complete checkpoint', { timeout: 240_000 }, async () => {
    const complete = await start('crash-while-saving.ts', [folder, 'none']).ended;
    const boundaries = complete.output.split('\n').filter((line) => line !== '' && line !== 'ready');
    expect(boundaries).toHaveLength(10);
    expect(await expectWhole(folder)).toBe(2);
    const crash = async (boundary: string): Promise<void> => {
      const own = join(folder, boundary);
      const { signal } = await start('crash-while-saving.ts', [own, boundary]).ended;
      expect(signal, boundary).toBe('SIGKILL');
      expect(await expectWhole(own), boundary).toBe(boundary === 'after everything' ? 2 : 1);
      const { torn } = await findCheckpoints(own);
      const isTorn = boundary.endsWith('COMPLETE');
      expect(torn.map(({ reason }) => reason)).toEqual(isTorn ? ['COMPLETE is missing'] : []);
    };
    for (let i = 0; i < boundaries.length; i += 2) await Promise.all(boundaries.slice(i, i + 2).map(crash));
  });

  it('at any time leaves a complete checkpoint, and the next save clears up', {
    timeout: 120_000,
  }, async () => {
    for (const delay of [7, 31, 64]) {
      const { child, ready, ended } = start('crash-while-saving.ts', [folder, 'never']);
      await ready;
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill('SIGKILL');
      await ended;
      expect(await expectWhole(folder)).toBeGreaterThan(0);
    }
    const saved = await openCheckpoint((await latestCheckpoint(folder))!.folder);
    await saved.close();
    const empty = new Map();
    const store = createCheckpointStore(folder, { keepLast: 1 });
    await store.save({ state: { ...saved.state, step: 900_000 }, parameters: empty, optimizer: empty });
    const { complete, torn } = await findCheckpoints(folder);
    expect(complete.map(({ step }) => step)).toEqual([900_000]);
    expect(await readdir(join(folder, 'checkpoints'))).toHaveLength(1 + torn.length);
  });
});

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const)('%s', (name) => {
  it('saves the last step and ends as interrupted', { timeout: 120_000 }, async () => {
    const { child, ready, ended } = start('train-until-signal.ts', [folder]);
    await ready;
    child.kill(name);
    // npx passes the terminal's signal on once more
    child.kill(name);
    const { output, code } = await ended;
    expect(code).toBe(0);
    const { reason, step } = JSON.parse(output.trim().split('\n').at(-1)!);
    expect(reason).toBe('interrupted');
    expect(step).toBeGreaterThanOrEqual(3);
    expect((await latestCheckpoint(folder))?.step).toBe(step);
    expect((await readdir(folder)).sort()).toEqual(['checkpoints', 'events.jsonl']);
  });
});
