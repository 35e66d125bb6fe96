import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { planTraining } from '../planning/plan-program.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { areOwn, ownStates, ownStatesBytes, prefixParameters } from './own-states.ts';
import { type TrainOptions, train } from './train.ts';

let world: TinyWorld;
let base: Base;
let options: TrainOptions;
beforeAll(async () => {
  world = await makeTinyWorld();
  // 4.2 M weights a layer: three frozen ones are worth keeping
  const sizes = { hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 4, num_attention_heads: 8 };
  await makeTinyBase(world.at('wide'), 5, { ...sizes, num_key_value_heads: 8 });
  base = await openBase(world.at('wide'));
  options = {
    languages: { swh_Latn: (await readFile(world.at('swh_Latn.txt'), 'utf8')).split('\n').slice(0, 12) },
    preset: 'moe-ct-mixture',
    method: { layers: { top: 1 }, attentionRank: 0, headDelta: null },
    data: { heldOut: 0.2 },
    training: { epochs: 2, batchSize: 2 },
  };
});
afterAll(async () => {
  base.dispose();
  await world.remove();
});

describe('hidden states that a run keeps by itself', { timeout: 120_000 }, () => {
  const facts = async (more: object) => {
    const attachments = { ffn: new Map([['model.layers.3.mlp', () => undefined]]) };
    const extension = { attachments: { linear: new Map(), block: new Map(), head: null, ...attachments } };
    const given = { base, extension: { ...extension, overrides: new Map() }, sequences: 10, epochs: 2 };
    return ownStatesBytes({ ...given, sequenceLength: 64, output: world.at('x'), ...more } as never);
  };

  it('are those of text read twice, below a quarter of the layers and 10 M weights, that half of the disk holds', async () => {
    // a and f of each token, in bf16
    const bytes = 2 * (2 * 512) * 10 * 64;
    expect(await facts({})).toBe(bytes);
    expect(await facts({ epochs: 1.9 })).toBeNull();
    expect(await facts({ base: { ...base, parameterCount: 13e6 } })).toBeNull();
    const disk = (free: number) => ({
      base: { ...base, platform: { ...base.platform, freeDisk: async () => free } },
    });
    expect(await facts(disk(2 * bytes))).toBe(bytes);
    expect(await facts(disk(2 * bytes - 2))).toBeNull();
    expect(await facts({ sequences: 1e9 })).toBeNull();
    expect(prefixParameters(base.model, base.parameterCount, { layer: 2, at: 'ffn' })).toBeCloseTo(
      8.39e6,
      -5,
    );
  });

  it('are planned, found in the second epoch, recorded, and gone when the run is finished', async () => {
    const output = world.at('kept');
    const plan = await planTraining(base, { ...options, output });
    expect(plan.disk.statesBytes).toBeGreaterThan(0);
    expect(existsSync(output)).toBe(false);
    let seen = false;
    const pack = await train(base, {
      ...options,
      output,
      callbacks: [
        {
          contract: 'callback/1',
          name: 'look',
          onStep: () => {
            seen = seen || existsSync(ownStates(output).folder);
          },
        },
      ],
    });
    expect(seen).toBe(true);
    expect(pack.training.notes).toContainEqual(
      expect.stringMatching(/3 frozen layers.*hidden-states.*--no-cache/),
    );
    expect(areOwn(pack.training.run.cache || undefined, output)).toBe(true);
    expect(existsSync(ownStates(output).folder)).toBe(false);
    const plain = await train(base, { ...options, cache: false, output: world.at('plain') });
    expect(plain.training.run.cache).toBe(false);
    for (const [i, { before, after }] of plain.heldOut!.entries()) {
      // evaluations begin with the tokens either way; training moves by the rounding to bf16 alone
      expect(pack.heldOut![i]!.before).toBe(before);
      expect(Math.abs(pack.heldOut![i]!.after / after - 1)).toBeLessThan(0.005);
    }
    pack.dispose();
    plain.dispose();
  });

  it('stay for a run that was interrupted, which goes on with them', async () => {
    const output = world.at('cut');
    const abort = new AbortController();
    const cut = await train(base, {
      ...options,
      output,
      signal: abort.signal,
      callbacks: [{ contract: 'callback/1', name: 'stop', onStep: () => abort.abort() }],
    });
    expect(cut.result.reason).toBe('interrupted');
    cut.dispose();
    expect(existsSync(ownStates(output).folder)).toBe(true);
    const whole = await train(base, { ...options, output, resume: true });
    expect(whole.result.reason).toBe('finished');
    expect(existsSync(ownStates(output).folder)).toBe(false);
    const once = await train(base, { ...options, output: world.at('once') });
    expect(whole.heldOut).toEqual(once.heldOut);
    whole.dispose();
    once.dispose();
  });
});
