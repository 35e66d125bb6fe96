import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BackendUnavailableError, type BaseModel } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { openPack } from '../extension/open-pack.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { type TrainOptions, train } from './train.ts';

let world: TinyWorld;
let base: Base;
let options: Omit<TrainOptions, 'output'>;
beforeAll(async () => {
  world = await makeTinyWorld();
  base = await openBase(world.at('base'));
  options = {
    languages: { swh_Latn: await readFile(world.at('swh_Latn.txt'), 'utf8') },
    preset: 'lora-ct',
    replayShare: 0,
    training: { steps: 4, batchSize: 2, evaluateEvery: 2 },
  };
});
afterAll(async () => {
  base.dispose();
  await world.remove();
});

/** The base, with scoring that fails where `fails` says so, by the number of the evaluation's first pass. */
function failing(error: Error, fails: (isSaved: boolean) => boolean, output: string): Base {
  const { model } = base;
  const loss: NonNullable<BaseModel['loss']> = (tokens, targets, scale, given) => {
    const isScoring = given?.training !== true;
    if (isScoring && fails(existsSync(world.at(output, 'extension')))) throw error;
    return model.loss!(tokens, targets, scale, given);
  };
  return { ...base, model: { ...model, loss } };
}

const noRoom = new BackendUnavailableError('moect-wasm', 'no room for 738263104 more bytes', 'Use less.');

describe('an evaluation that fails', { timeout: 60_000 }, () => {
  it('for want of memory costs no run: the pack is written before the last one, which becomes a warning', async () => {
    const heard: string[] = [];
    const seen: boolean[] = [];
    const broken = failing(noRoom, (isSaved) => seen.push(isSaved) > 0, 'full');
    const pack = await train(broken, {
      ...options,
      output: world.at('full'),
      onWarning: (message) => heard.push(message),
    });
    // two trials of the plan, which warns too, the evaluation after step 2 and the one after the pack
    expect(seen).toEqual([false, false, false, true]);
    expect(pack.training.notes).toContainEqual(
      expect.stringMatching(/^evaluations may be left out: .*no room/s),
    );
    expect(heard).toEqual(pack.warnings);
    expect(heard).toEqual([
      expect.stringMatching(/^the evaluation after step 2 could not be made: .*no room for 738263104/),
      expect.stringMatching(/^the evaluation after step 4 could not be made/),
    ]);
    expect(pack).toMatchObject({ heldOut: null, folder: world.at('full/extension') });
    expect(pack.result).toMatchObject({ reason: 'finished', step: 4, evaluation: null });
    pack.dispose();
    const opened = await openPack(base, world.at('full/extension'));
    expect(opened.info.training).toMatchObject({ steps: 4 });
    opened.dispose();
  });

  it('is made up for by --resume of the finished run', async () => {
    const pack = await train(base, { ...options, output: world.at('full'), resume: true });
    expect(pack.warnings).toEqual([]);
    expect(pack.result).toMatchObject({ reason: 'finished', step: 4 });
    expect(pack.heldOut!.map(({ code }) => code)).toEqual(['swh_Latn']);
    pack.dispose();
  });

  it('for another reason ends a run whose pack is not written yet, and none that has one', async () => {
    const damage = new Error('the disk is on fire');
    const early = failing(damage, () => true, 'early');
    await expect(train(early, { ...options, output: world.at('early') })).rejects.toThrow('on fire');
    expect(existsSync(world.at('early/extension'))).toBe(false);
    const late = failing(damage, (isSaved) => isSaved, 'late');
    const pack = await train(late, { ...options, output: world.at('late') });
    expect(pack.warnings).toEqual([expect.stringMatching(/step 4 could not be made: the disk is on fire/)]);
    expect(existsSync(world.at('late/extension/moect_model.safetensors'))).toBe(true);
    pack.dispose();
  });
});
