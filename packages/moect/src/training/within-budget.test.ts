import { readFile } from 'node:fs/promises';
import { InvalidConfigError } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { planTraining } from '../planning/plan-program.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { type TrainOptions, train } from './train.ts';

describe('a budget of time', () => {
  let world: TinyWorld;
  let base: Base;
  let options: TrainOptions;
  beforeAll(async () => {
    world = await makeTinyWorld();
    base = await openBase(world.at('base'));
    const text = await readFile(world.at('swh_Latn.txt'), 'utf8');
    options = { preset: 'moe-ct-mixture', languages: { swh_Latn: text } };
  });
  afterAll(() => world.remove());

  it('ends a run after the steps that fit, and a resumed run at the same step', async () => {
    const { time } = await planTraining(base, { ...options, training: { steps: 100_000 } });
    const seconds = 50 * time!.secondsPerStep;
    const output = world.at('run');
    const training = { epochs: 10_000, budget: `${seconds.toFixed(3)}s` };
    expect((await planTraining(base, { ...options, training })).steps).toBeLessThan(100);
    const pack = await train(base, { ...options, training, output });
    const { steps } = pack.training.run.training;
    // machines are noisy, and evaluations take a part
    expect(steps).toBeLessThan(100);
    expect(pack.training.notes.join()).toMatch(/budget: \d+ of \d+ steps fit into/);
    const again = await train(base, { ...options, training, output, resume: true });
    expect(again.result.step).toBe(steps);
  });

  it('leaves a run alone that fits', async () => {
    const pack = await train(base, { ...options, training: { steps: 2, budget: '1h' } });
    expect(pack.result.step).toBe(2);
  });

  it.each(['1e-6s', 'soon', '5'])('refuses %s', async (budget) => {
    await expect(train(base, { ...options, training: { budget } })).rejects.toThrow(InvalidConfigError);
  });

  it('is refused where not even a step fits', async () => {
    const run = train(base, { ...options, training: { budget: '0.00001s' } });
    await expect(run).rejects.toThrow(/is 0\.00001s, and a step with the evaluations takes 1 s/);
  });
});
