import { readFile } from 'node:fs/promises';
import type { Callback } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import type { RunHooks } from './run.ts';
import { train } from './train.ts';

describe('a run with a sampled softmax', () => {
  let world: TinyWorld;
  let base: Base;
  let text: string;
  beforeAll(async () => {
    world = await makeTinyWorld();
    base = await openBase(world.at('base'));
    text = await readFile(world.at('swh_Latn.txt'), 'utf8');
  });
  afterAll(() => world.remove());

  const run = (sampledSoftmax: number, hooks: RunHooks = {}, ngrams = false): ReturnType<typeof train> =>
    train(base, {
      preset: 'moe-ct-mixture',
      ngrams,
      languages: { swh_Latn: text },
      method: { headDelta: null, tokenRows: 'used' },
      training: { steps: 40, batchSize: 4, learningRate: 1e-2, sampledSoftmax },
      ...hooks,
    });

  it('learns nearly what the whole vocabulary teaches', async () => {
    const [whole, sampled] = [await run(0), await run(16)];
    expect(sampled.training.run.training.sampledSoftmax).toBe(16);
    const after = (pack: typeof whole): number => pack.heldOut!.find(({ role }) => role === 'new')!.after;
    const before = whole.heldOut!.find(({ role }) => role === 'new')!.before;
    expect(before - after(sampled)).toBeGreaterThan(0.95 * (before - after(whole)));
  });

  it('goes on with the same bits after an interruption, n-grams included', async () => {
    const stopping = new AbortController();
    const stop: Callback = {
      contract: 'callback/1',
      name: 'stop',
      onStep: ({ step }) => {
        if (step === 7) stopping.abort();
      },
    };
    const output = world.at('interrupted');
    const first = await run(16, { output, signal: stopping.signal, callbacks: [stop] }, true);
    expect(first.result.reason).toBe('interrupted');
    const [resumed, whole] = [await run(16, { output, resume: true }, true), await run(16, {}, true)];
    for (const [path, parameter] of whole.extension.parameters) {
      expect(await resumed.extension.parameters.get(path)!.data(), path).toEqual(await parameter.data());
    }
    expect(resumed.info.ngrams).toBe(whole.info.ngrams);
  });

  it('is not taken up by a run that began with the whole vocabulary', async () => {
    const output = world.at('whole');
    await run(0, { output });
    await expect(run(16, { output, resume: true })).rejects.toThrow(/sampled softmax/);
  });
});
