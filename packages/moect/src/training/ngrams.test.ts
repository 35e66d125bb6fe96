import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { type HostTensor, readSafetensors, writeSafetensors } from '@moect/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { compare } from '../evaluation/compare.ts';
import { generate } from '../evaluation/generate.ts';
import { openPack } from '../extension/open-pack.ts';
import type { Pack } from '../extension/pack.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { train } from './train.ts';

describe('n-grams of the new text', () => {
  let world: TinyWorld;
  let base: Base;
  let texts: { readonly swh_Latn: string; readonly eng_Latn: string };
  beforeAll(async () => {
    world = await makeTinyWorld();
    base = await openBase(world.at('base'));
    texts = {
      swh_Latn: await readFile(world.at('swh_Latn.txt'), 'utf8'),
      eng_Latn: await readFile(world.at('eng_Latn.txt'), 'utf8'),
    };
  });
  afterAll(() => world.remove());

  const trained = (ngrams: boolean, tokens?: number): ReturnType<typeof train> =>
    train(base, {
      preset: 'moe-ct-mixture',
      ngrams,
      languages: { swh_Latn: texts.swh_Latn },
      method: { layers: { top: 1 }, headDelta: null, attentionRank: 0 },
      training: { batchSize: 4, learningRate: 1e-3, ...(tokens === undefined ? { steps: 6 } : { tokens }) },
    });
  const swahili = async (pack: Pack): Promise<number> => {
    const { packs } = await compare(base, [pack], texts, { old: ['eng_Latn'] });
    return packs[0]!.comparison.languages.find(({ language }) => language === 'swh_Latn')!.after;
  };

  it('are counted, mixed in, saved and opened again', async () => {
    const [without, pack] = [await trained(false), await trained(true)];
    expect([without.memory, without.info.ngrams]).toEqual([null, undefined]);
    expect(pack.info.ngrams).toBeGreaterThan(100);
    const [plain, mixed] = [await swahili(without), await swahili(pack)];
    expect(mixed).toBeLessThan(0.97 * plain);
    const opened = await openPack(base, await pack.save(world.at('pack')));
    expect(await swahili(opened)).toBe(mixed);
    const text = async (used: Pack): Promise<string> => {
      let all = '';
      const options = { prompt: texts.swh_Latn.slice(0, 40), packs: [used], combine: 'gate' };
      for await (const piece of generate(base, { ...options, maxNewTokens: 12 })) all += piece;
      return all;
    };
    expect(await text(opened)).toBe(await text(pack));
    expect(await text(pack)).not.toBe(await text(without));
  });

  it('are those of no more text than the run trains on', async () => {
    const [little, all] = [await trained(true, 400), await trained(true)];
    expect(little.info.ngrams!).toBeLessThan(0.8 * all.info.ngrams!);
  });

  it('are refused where the file was damaged', async () => {
    const folder = await (await trained(true)).save(world.at('damaged'));
    const path = join(folder, 'moect_model.safetensors');
    const file = await readSafetensors(await readFile(path));
    const names = [...file.entries.keys()];
    const rewrite = async (change: (name: string, data: Int32Array) => Int32Array | null): Promise<void> => {
      const tensors = await Promise.all(
        names.map(async (name) => {
          const { shape, data } = await file.tensor(name);
          if (!(data instanceof Int32Array)) return [[name, { shape, data }] as const];
          const changed = change(name, data);
          return changed === null ? [] : [[name, { shape: [changed.length], data: changed }] as const];
        }),
      );
      await writeFile(path, writeSafetensors(tensors.flat() as [string, HostTensor][]));
    };
    await rewrite((name, data) => (name === 'ngrams.counts' ? null : data));
    await expect(openPack(base, folder)).rejects.toThrow(/no ngrams\.counts/);
    await rewrite((name, data) => (name === 'ngrams.next' ? data.map((id) => id + 1e6) : data));
    await expect(openPack(base, folder)).rejects.toThrow(CorruptDataError);
  });
});
