import { resetWasmHeapPeak, wasmHeapStatistics } from '@moect/backend-wasm';
import { type BaseModel, InvalidConfigError } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createModel, initParameters } from '@moect/models';
import { createRng, selectBackend } from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { documentOf, letters, tinyBase, tinyTokenizer } from '../testing/tiny-model.ts';
import { createScorer } from './create-scorer.ts';
import { windowBatches } from './window-batches.ts';

const tokenizer = tinyTokenizer();

beforeAll(async () => {
  await selectBackend('wasm');
});

/** Most bytes of the heap during `work`, beyond those held before. */
async function extraBytes(work: () => Promise<unknown>): Promise<number> {
  const before = wasmHeapStatistics()!.liveBytes;
  resetWasmHeapPeak();
  await work();
  return wasmHeapStatistics()!.peakBytes - before;
}

/** One layer of width 8 with the vocabulary of Qwen. */
function wideVocabulary(): BaseModel {
  const config = {
    ...(tinyBase(16).config as Record<string, number | string | boolean | string[]>),
    hidden_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    vocab_size: 151_936,
    max_position_embeddings: 4096,
    tie_word_embeddings: true,
  };
  return createModel(config, initParameters(config, createRng(5)));
}

describe('memory of scoring', () => {
  it('holds no whole logits: eight documents of 1,500 tokens at a vocabulary of 151,936', async () => {
    const base = wideVocabulary();
    const documents = Array.from({ length: 8 }, (_, i) => documentOf(letters(1500, i), `d${i}`));
    const scorer = createScorer({ name: 'base', base, tokenizer });
    let scores: Awaited<ReturnType<typeof scorer.score>> = [];
    const bytes = await extraBytes(async () => {
      scores = await scorer.score(documents);
    });
    expect(scores.map(({ logProbs }) => logProbs.length)).toEqual(documents.map(() => 1500));
    // a block of 256 rows of logits has 156 MB; all 12,000 would have 7.3 GB
    expect(bytes).toBeLessThan(200e6);
    base.dispose();
  });

  it('grows with the window, not with the text or the number of texts', async () => {
    const base = tinyBase(256);
    const scorer = createScorer({ name: 'base', base, tokenizer });
    const score = (lengths: readonly number[]): (() => Promise<unknown>) => {
      const documents = lengths.map((n, i) => documentOf(letters(n, i), `d${i}`));
      return () => scorer.score(documents);
    };
    await score([4096])();
    const one = await extraBytes(score([4096]));
    expect(await extraBytes(score([100_000]))).toBeLessThan(1.01 * one);
    expect(await extraBytes(score(Array.from({ length: 90 }, (_, i) => 300 + i)))).toBeLessThan(1.01 * one);
    base.dispose();
  });

  it('changes no score by the tokens of a pass, with an extension either, in the order given', async () => {
    const base = tinyBase(64);
    const extension = moeCt().attach(base, {}, createRng(3));
    const documents = [5, 200, 0, 64, 63, 31, 9].map((n, i) => documentOf(letters(n, i), `d${i}`));
    const score = (batchTokens: number, given = documents) =>
      createScorer({ name: 'x', base, extension, tokenizer, batchTokens }).score(given);
    const alone = await score(1);
    for (const batchTokens of [64, 200, 2048]) {
      const together = await score(batchTokens);
      expect(together.map(({ id }) => id)).toEqual(documents.map(({ id }) => id));
      for (const [i, { logProbs }] of together.entries())
        expect(maxDifference(logProbs, alone[i]!.logProbs)).toBeLessThan(1e-5);
    }
    const reversed = await score(200, documents.toReversed());
    expect(reversed.map(({ id }) => id)).toEqual(documents.map(({ id }) => id).toReversed());
    extension.dispose();
    base.dispose();
  });

  it('counts padding, lets a long window go alone, and refuses a pass without tokens', () => {
    const of = (n: number) => ({
      document: documentOf(letters(n)),
      firstId: 1,
      tokens: Array(n).fill(3),
      scored: Int32Array.from({ length: n }, (_, i) => i),
      scoredCount: n,
      bytes: n,
    });
    const convention = { maxLength: 100 };
    const batches = [...windowBatches([100, 40, 30, 10, 10].map(of), convention, 90)];
    expect(batches.map(({ rows, time }) => [rows, time])).toEqual([
      [1, 100],
      [2, 40],
      [2, 10],
    ]);
    expect(() => windowBatches([], convention, 0)).toThrow(InvalidConfigError);
  });
});
