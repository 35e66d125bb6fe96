import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compare, generate, openBase, openPack, planTraining, train } from 'moect';
import { expect, it } from 'vitest';
import { demoTexts } from '../support/demo-texts.ts';

/** SmolLM2-135M-Instruct as GGUF, from `npm run get:smollm2`; the model is not in the repository. */
const MODEL = process.env['MOECT_SMOLLM2_GGUF'];

if (MODEL === undefined) {
  console.warn('The default pack is not tested on SmolLM2: MOECT_SMOLLM2_GGUF names no file.');
}

it.skipIf(MODEL === undefined)(
  'a pack of SmolLM2 by default settings is small, learns, keeps its bound, and is the same when opened again',
  { timeout: 900_000 },
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'moect-real-'));
    const base = await openBase(MODEL!, { backend: 'wasm' });
    const texts = await demoTexts();
    const asked = {
      languages: { swh_Latn: texts['swahili']! },
      training: { tokens: 4000 },
      data: { heldOut: 0 },
    };
    const plan = await planTraining(base, asked);
    expect(plan.problems).toEqual([]);
    expect(plan.memory.heap!.usedBytes).toBeLessThan(1.5 * 2 ** 30);

    const pack = await train(base, asked);
    expect(pack.training.run.preset).toBe('moe-ct-mixture');
    const numbers = pack.info.parameters + pack.info.ngrams!;
    expect(numbers).toBeLessThanOrEqual(0.1 * base.parameterCount);
    expect(numbers).toBeGreaterThan(0.09 * base.parameterCount);

    const heldOut = {
      swh_Latn: texts['swahili-test']!.slice(0, 6),
      eng_Latn: texts['english-test']!.slice(0, 3),
    };
    const before = (await compare(base, [pack], heldOut, { old: ['eng_Latn'] })).packs[0]!.comparison;
    const of = (code: string): (typeof before.languages)[number] =>
      before.languages.find(({ language }) => language === code)!;
    // 8 steps
    expect(of('swh_Latn').relativeChange).toBeLessThan(-0.1);
    expect(of('eng_Latn').worstDocument.bits).toBeLessThanOrEqual(1 + 1e-6);

    const opened = await openPack(base, await pack.save(path.join(folder, 'pack')));
    const short = { swh_Latn: heldOut.swh_Latn.slice(0, 2) };
    const figure = async (used: typeof opened): Promise<number> =>
      (await compare(base, [used], short, { combine: 'known' })).packs[0]!.comparison.languages[0]!.after;
    expect(await figure(opened)).toBe(await figure(pack));

    let text = '';
    const prompt = { prompt: 'Kila mtu ana haki', packs: [opened], combine: 'known', language: 'swh_Latn' };
    for await (const piece of generate(base, { ...prompt, maxNewTokens: 16 })) text += piece;
    expect(text.length).toBeGreaterThan(10);
    opened.dispose();
    pack.dispose();
    base.dispose();
    await rm(folder, { recursive: true });
  },
);
