import type { Attachments, BaseModel, Combination } from '@moect/core';
import { mul, selectBackend, tensor, tidy } from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadHuggingFaceFolder } from '../node/load-folder.ts';
import { tinyLlama } from '../testing/tiny-llama.ts';
import { createCombinedDecoder } from './combined-decoder.ts';
import { generate, generateBatch } from './generate.ts';
import { chunksOf, predictedChunk, promptChunk } from './prefill.ts';

/** Sums the log probabilities of each member, so that every token of a prompt counts. */
const sums: Combination = {
  contract: 'combination/1',
  name: 'sums',
  start: (members) => new Float64Array(members.length),
  update: (logWeights, tokenLogProbs) => logWeights.map((w, i) => w + tokenLogProbs[i]!),
};

describe('reading long prompts in chunks', () => {
  let model: BaseModel;
  let prompt: number[];
  beforeAll(async () => {
    await selectBackend('wasm');
    ({ model } = await loadHuggingFaceFolder(tinyLlama));
    prompt = Array.from({ length: 700 }, (_, i) => 1 + ((i * i + 3 * i) % (model.vocabSize - 1)));
  });
  afterAll(() => model.dispose());

  it('cuts so that every token is read once, within the bounds', () => {
    expect(chunksOf(5, 2)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ]);
    expect(chunksOf(3, 512)).toEqual([[0, 3]]);
    expect([promptChunk(1), promptChunk(3), promptChunk(1000)]).toEqual([512, 170, 1]);
    // 110 rows of Qwen's vocabulary are 64 MiB
    expect([predictedChunk(100), predictedChunk(151_936), predictedChunk(2 ** 30)]).toEqual([512, 110, 1]);
  });

  it('continues as one pass over the whole prompt does', async () => {
    const logits = tidy(() => model.forward(tensor(prompt, [1, 700], 'int32'), { logits: 'last' }).logits);
    const values = (await logits.data()).slice();
    logits.dispose();
    const made = await generate(model, prompt, { maxNewTokens: 4 });
    expect(made.tokens[0]).toBe(values.indexOf(Math.max(...values)));
    // rows of unequal length: padding fills whole chunks of the short one
    const short = prompt.slice(0, 5);
    const both = await generateBatch(model, [prompt, short], { maxNewTokens: 4 });
    expect(both).toEqual([made, await generate(model, short, { maxNewTokens: 4 })]);
  });

  it('weighs members by every token of the prompt, wherever it is cut', async () => {
    const head: NonNullable<Attachments['head']> = (_hidden, logits) => mul(logits, 0.5);
    const attachments: Attachments = { ffn: new Map(), linear: new Map(), block: new Map(), head };
    const members = [
      { name: 'base', languages: [], model },
      { name: 'pack', languages: [], model, attachments },
    ];
    const read = async (pieces: readonly number[][]): Promise<[Float64Array, Float64Array]> => {
      const decoder = createCombinedDecoder(members, sums);
      let next = new Float64Array();
      for (const piece of pieces) next = (await decoder.advance(piece)) as Float64Array<ArrayBuffer>;
      const { logWeights } = decoder;
      decoder.dispose();
      return [next, logWeights];
    };
    const [next, weights] = await read([prompt]);
    const singly = await read(prompt.map((token) => [token]));
    // float32 rounding of 699 log probabilities of about 4 nats, and of the next one with weights of about 3,000 nats
    expect(maxDifference(weights, singly[1])).toBeLessThan(2e-3);
    expect(maxDifference(next, singly[0])).toBeLessThan(2e-3);
    expect(weights[0]).toBeLessThan(-699);
  });

  it('ends between chunks when aborted', async () => {
    const abort = new AbortController();
    abort.abort();
    const made = await generate(model, prompt, { maxNewTokens: 4, signal: abort.signal });
    expect(made).toEqual({ tokens: [], finishReason: 'aborted' });
  });
});
