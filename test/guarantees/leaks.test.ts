import { createByteTokenizer } from '@moect/data';
import { createScorer } from '@moect/eval';
import { bayesianMixture, moeCt } from '@moect/experts';
import { generateCombined } from '@moect/models';
import { createRng, memory, selectBackend } from '@moect/tensor';
import { wasmHeapBytes } from '@moect/tensor/wasm';
import { adamW, constant, train } from '@moect/trainer';
import { beforeAll, describe, expect, it } from 'vitest';
import { byteBase, tinyBase, tinyData } from '../support/tiny.ts';

const alive = (): { tensors: number; heap: number } => ({
  tensors: memory().numTensors,
  heap: wasmHeapBytes(),
});

describe('what stays behind on wasm', () => {
  beforeAll(async () => {
    await selectBackend('wasm');
  });

  it('200 training steps leave tensors and heap where they were', { timeout: 120_000 }, async () => {
    const base = tinyBase();
    const counts: { tensors: number; heap: number }[] = [];
    const extension = moeCt().attach(base, { attentionRank: 2 }, createRng(1));
    await train({
      base,
      extension,
      data: tinyData(),
      totalSteps: 200,
      optimizer: adamW(),
      schedule: constant({ learningRate: 1e-3, totalSteps: 200 }),
      callbacks: [{ contract: 'callback/1', name: 'count', onStep: () => void counts.push(alive()) }],
    });
    expect(counts).toHaveLength(200);
    // the first step makes tables that later ones use
    for (const count of counts.slice(1)) expect(count).toEqual(counts[1]);
    extension.dispose();
    base.dispose();
  });

  it('evaluation and generation leave nothing', async () => {
    const base = byteBase();
    const tokenizer = createByteTokenizer();
    const extension = moeCt().attach(base, {}, createRng(1));
    const scorer = createScorer({ name: 'x', base, extension, tokenizer, batchSize: 2 });
    const members = [
      { name: 'base', languages: ['eng_Latn'], model: base },
      { name: 'pack', languages: ['swh_Latn'], model: base, attachments: extension.attachments },
    ];
    const once = async (): Promise<void> => {
      await scorer.score([
        { id: 'a', language: 'eng_Latn', text: 'A short text of a few windows. '.repeat(4) },
        { id: 'b', language: 'swh_Latn', text: 'Maandishi mafupi.' },
      ]);
      const options = { maxNewTokens: 6, temperature: 1, seed: 3 };
      await generateCombined(members, bayesianMixture(), [256, 72, 105], options);
    };
    await once();
    const before = alive();
    for (let i = 0; i < 3; i++) await once();
    expect(alive()).toEqual(before);
    extension.dispose();
    base.dispose();
  });

  it('a disposed base and extension give everything back', async () => {
    const before = alive();
    const base = tinyBase();
    const extension = moeCt().attach(base, {}, createRng(1));
    expect(alive().tensors).toBeGreaterThan(before.tensors);
    extension.dispose();
    base.dispose();
    expect(alive()).toEqual(before);
  });
});
