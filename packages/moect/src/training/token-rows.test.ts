import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { compare } from '../evaluation/compare.ts';
import { openPack } from '../extension/open-pack.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { train } from './train.ts';

describe('rows for tokens', () => {
  let world: TinyWorld;
  let base: Base;
  beforeAll(async () => {
    world = await makeTinyWorld();
    base = await openBase(world.at('base'));
  });
  afterAll(() => world.remove());

  it('are those of the tokens of the new texts, and are part of the pack', async () => {
    const text = await readFile(world.at('swh_Latn.txt'), 'utf8');
    const english = await readFile(world.at('eng_Latn.txt'), 'utf8');
    const pack = await train(base, {
      preset: 'moe-ct-mixture',
      languages: { swh_Latn: text },
      method: {
        layers: { top: 1 },
        numExperts: 1,
        topK: 1,
        expert: { type: 'swiglu', size: 4, init: 'zero-down' },
        attentionRank: 0,
        tokenRows: 'used',
      },
      training: { steps: 12, batchSize: 4, learningRate: 2e-2 },
    });
    const { tokenRows } = pack.extension.config as { tokenRows: number[] };
    const known = new Set(base.tokenizer.encode(text));
    expect(tokenRows).toEqual([...tokenRows].sort((a, b) => a - b));
    expect(tokenRows.filter((id) => known.has(id)).length).toBeGreaterThan(0.8 * known.size);
    expect(tokenRows.length).toBeLessThan(base.model.vocabSize);
    const rows = pack.extension.parameters.get('lm_head.rows.weight')!;
    expect(rows.shape).toEqual([tokenRows.length, base.model.hiddenSize]);

    const texts = { swh_Latn: text, eng_Latn: english };
    const trained = await compare(base, [pack], texts, { combine: 'gate', old: ['eng_Latn'] });
    const opened = await openPack(base, await pack.save(world.at('pack')));
    const again = await compare(base, [opened], texts, { combine: 'gate', old: ['eng_Latn'] });
    const figures = ({ worst }: typeof trained): object => ({ ...worst, pack: '' });
    expect(figures(again)).toEqual(figures(trained));
  });
});
