import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Document, StartPoint, Tokenizer } from '@moect/core';
import { moeCt } from '@moect/experts';
import { createModel } from '@moect/models';
import { loadHuggingFaceFolder, openHiddenStateCache } from '@moect/models/node';
import { assign, createRng, fill, memory, selectBackend, tensor } from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { beforeAll, describe, expect, it } from 'vitest';
import { bitsPerByte, bytePerplexity, wordPerplexity } from '../metrics/corpus-metrics.ts';
import { documentOf, letters, tinyBase, tinyTokenizer } from '../testing/tiny-model.ts';
import { createScorer } from './create-scorer.ts';

const tokenizer = tinyTokenizer();

beforeAll(async () => {
  await selectBackend('wasm');
});

/** log P of each next token by plain arithmetic on the logits of one unbatched pass. */
async function plainLogProbs(base: ReturnType<typeof tinyBase>, ids: number[]): Promise<number[]> {
  const inputs = tensor(Int32Array.from([1, ...ids.slice(0, -1)]), [1, ids.length], 'int32');
  const logits = (await base.forward(inputs).logits.data()).slice();
  return ids.map((id, i) => {
    const row = Array.from(logits.subarray(i * base.vocabSize, (i + 1) * base.vocabSize));
    const top = Math.max(...row);
    return row[id]! - top - Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
  });
}

describe('createScorer', () => {
  const base = (): ReturnType<typeof tinyBase> => tinyBase(16);

  it('gives log-softmax of the next token, prefix not scored', async () => {
    const model = base();
    const text = letters(13);
    const [score] = await createScorer({ name: 'base', base: model, tokenizer }).score([documentOf(text)]);
    const expected = await plainLogProbs(model, tokenizer.encode(text));
    expect(score!.logProbs).toHaveLength(13);
    expect(maxDifference(score!.logProbs, expected)).toBeLessThan(1e-5);
  });

  it.each([0, 1, 15, 16, 17, 48])('scores every one of %i tokens', async (n) => {
    const [score] = await createScorer({ name: 'base', base: base(), tokenizer }).score([
      documentOf(letters(n), 'x'),
    ]);
    expect(score!.logProbs).toHaveLength(n);
    expect(score!.bytes).toBe(n);
    expect([...score!.logProbs].every((value) => value < 0)).toBe(true);
  });

  it('does not depend on batch size or order, but for float32 rounding', async () => {
    const model = base();
    const documents = [3, 40, 0, 16, 7, 29].map((n, i) => documentOf(letters(n, i), `d${i}`));
    const one = await createScorer({ name: 'a', base: model, tokenizer, batchTokens: 1 }).score(documents);
    const batched = createScorer({ name: 'b', base: model, tokenizer, batchTokens: 80 });
    const five = (await batched.score(documents.toReversed())).toReversed();
    one.forEach((score, i) => {
      expect(five[i]!.id).toBe(score.id);
      expect(maxDifference(five[i]!.logProbs, score.logProbs)).toBeLessThan(1e-5);
    });
    expect(await batched.score(documents)).toEqual(await batched.score(documents));
  });

  it('counts UTF-8 bytes and words', async () => {
    const [score] = await createScorer({ name: 'base', base: base(), tokenizer }).score([
      documentOf('ẹ̀kọ́ 学 a'),
    ]);
    expect(score!.bytes).toBe(new TextEncoder().encode('ẹ̀kọ́ 学 a').length);
    expect(score!.words).toBe(3);
  });

  it('scores BOS in parity mode, and says so', async () => {
    const model = base();
    const document = documentOf(letters(5));
    const parity = createScorer({ name: 'base', base: model, tokenizer, scoreBos: true });
    const [score] = await parity.score([document]);
    expect(score!.logProbs).toHaveLength(6);
    expect(parity.convention).toEqual({
      prefixToken: 'bos',
      prefixTokenId: 1,
      bosScored: true,
      maxLength: 16,
    });
  });

  it('takes EOS where there is no BOS', () => {
    const scorer = createScorer({ name: 'base', base: base(), tokenizer: tinyTokenizer(null) });
    expect(scorer.convention).toMatchObject({ prefixToken: 'eos', prefixTokenId: 0 });
  });

  it('stands documents after what its rule says', async () => {
    const model = base();
    const document = documentOf(letters(5));
    const first = async (given: Tokenizer, prefixToken?: 'bos' | 'eos'): Promise<number> => {
      const chosen = prefixToken === undefined ? {} : { prefixToken };
      const scorer = createScorer({ name: 'base', base: model, tokenizer: given, ...chosen });
      return (await scorer.score([document]))[0]!.logProbs[0]!;
    };
    const silent = { ...tokenizer, textPrefix: [] };
    expect(await first(silent)).toBe(await first(tokenizer, 'eos'));
    expect(await first(silent, 'bos')).toBe(await first(tokenizer));
    expect(await first(silent)).not.toBe(await first(tokenizer));
    // two tokens in front: the second is context, and is not scored
    const two = createScorer({ name: 'base', base: model, tokenizer: { ...tokenizer, textPrefix: [5, 1] } });
    const [score] = await two.score([document]);
    expect(score!.logProbs).toHaveLength(5);
    expect(two.convention).toMatchObject({ prefixToken: 'bos', prefixTokenId: 1 });
    expect(score!.logProbs[0]).not.toBe(await first(tokenizer));
  });

  it('scores the answers of a conversation, as the same tokens of a text', async () => {
    const model = base();
    const [question, answer] = ['what is it', 'a letter'];
    const messages = [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ];
    const ids = tokenizer.encode(`${question}${answer}`);
    const predicted = new Uint8Array(ids.length).fill(1, question.length);
    const chat = { stopIds: [], prompt: () => [], conversation: () => ({ ids, predicted }) };
    const document = { ...documentOf(`${question}${answer}`), messages };
    // windows of 4 split question and answer, and one holds nothing to score
    for (const maxLength of [4, 16]) {
      const options = { name: 'base', base: model, maxLength };
      let progress: readonly number[] = [];
      const onProgress = (...counts: number[]): void => {
        progress = counts;
      };
      const talking = createScorer({ ...options, onProgress, tokenizer: { ...tokenizer, chat } });
      const [score] = await talking.score([document]);
      expect(progress).toEqual([answer.length, answer.length]);
      expect(score).toMatchObject({ bytes: answer.length, words: 2 });
      // the first token of a conversation is context, as a prefix token is
      const whole = { ...tokenizer, textPrefix: ids.slice(0, 1), encode: () => ids.slice(1) };
      const [all] = await createScorer({ ...options, tokenizer: whole }).score([documentOf('x')]);
      expect(score!.logProbs).toEqual(all!.logProbs.slice(question.length - 1));
      expect(score!.logProbs).toHaveLength(answer.length);
    }
  });

  it('has a gate threshold of its own', async () => {
    const model = base();
    const extension = moeCt().attach(model, {}, createRng(3));
    const rng = createRng(4);
    for (const variable of extension.parameters.values()) {
      assign(variable, tensor(rng.normal(variable.size, 0, 0.5), variable.shape));
    }
    const documents: Document[] = [documentOf(letters(20))];
    const score = async (gateThreshold?: number | null): Promise<unknown> =>
      createScorer({
        name: 'x',
        base: model,
        extension,
        tokenizer,
        ...(gateThreshold === undefined ? {} : { gateThreshold }),
      }).score(documents);
    const alone = await createScorer({ name: 'base', base: model, tokenizer }).score(documents);
    const own = await score();
    expect(own).not.toEqual(alone);
    expect(await score(0)).toEqual(alone);
    expect(await score()).toEqual(own);
    expect(await score(null)).toEqual(own);
  });

  it('leaks no tensor', async () => {
    const scorer = createScorer({ name: 'base', base: base(), tokenizer });
    await scorer.score([documentOf(letters(9))]);
    const before = memory().numTensors;
    await scorer.score([documentOf(letters(30)), documentOf(letters(3))]);
    expect(memory().numTensors).toBe(before);
  });

  it('names the token of a document that is not finite', async () => {
    const model = base();
    const parameters = new Map(model.parameters);
    parameters.set('model.norm.weight', fill([16], Number.NaN));
    const broken = createModel(model.config as Parameters<typeof createModel>[0], parameters);
    await expect(
      createScorer({ name: 'broken', base: broken, tokenizer }).score([documentOf(letters(4), 'doc-7')]),
    ).rejects.toThrow(/doc-7.*broken/);
  });

  it('refuses what cannot be scored, all at once', () => {
    const create = (): unknown =>
      createScorer({
        name: 'base',
        base: base(),
        tokenizer: tinyTokenizer(null),
        maxLength: 17,
        scoreBos: true,
      });
    expect(create).toThrow(/maxLength[\s\S]*scoreBos/);
    expect(() => createScorer({ name: 'base', base: base(), tokenizer, gateThreshold: 0.5 })).toThrow(
      /gateThreshold: needs an extension/,
    );
  });

  it('refuses a tokenizer of another model', async () => {
    const stranger = { ...tokenizer, encode: () => [39, 40] };
    const scorer = createScorer({ name: 'base', base: base(), tokenizer: stranger });
    await expect(scorer.score([documentOf('ab', 'd1')])).rejects.toThrow(/token 40 in document 'd1'/);
  });
});

interface Rolling {
  name: string;
  add_bos_token: boolean | null;
  text: string;
  scored_tokens: number;
  loglikelihood: number;
  bytes: number;
  words: number;
  bits_per_byte: number;
  byte_perplexity: number;
  word_perplexity: number;
}

describe('rolling log-likelihoods of lm-evaluation-harness on stories260K', () => {
  const cases = fixtureJson<{ rolling: Rolling[] }>('stories260k-hf/golden.json').rolling;
  let loaded: Awaited<ReturnType<typeof loadHuggingFaceFolder>>;
  beforeAll(async () => {
    loaded = await loadHuggingFaceFolder(fixture('stories260k-hf'));
  });

  it.each(cases)('$name, add_bos_token $add_bos_token', async (golden) => {
    const scorer = createScorer({
      name: 'stories260K',
      base: loaded.model,
      tokenizer: loaded.tokenizer!,
      scoreBos: golden.add_bos_token === null,
    });
    const scores = await scorer.score([documentOf(golden.text)]);
    const [score] = scores;
    const sum = score!.logProbs.reduce((a, b) => a + b, 0);
    expect(score!.logProbs).toHaveLength(golden.scored_tokens);
    expect(Math.abs(sum - golden.loglikelihood)).toBeLessThan(
      Math.max(1e-3, 1e-6 * Math.abs(golden.loglikelihood)),
    );
    expect([score!.bytes, score!.words]).toEqual([golden.bytes, golden.words]);
    expect(bitsPerByte(scores)).toBeCloseTo(golden.bits_per_byte, 5);
    expect(bytePerplexity(scores) / golden.byte_perplexity).toBeCloseTo(1, 5);
    expect(wordPerplexity(scores) / golden.word_perplexity).toBeCloseTo(1, 4);
  });

  it('begins with cached hidden states: the same found as computed, and nearly the plain scores', async () => {
    const model = tinyBase(16);
    const folder = await mkdtemp(join(tmpdir(), 'moect-eval-'));
    const extension = moeCt().attach(model, { layers: { top: 1 } }, createRng(4));
    const documents = [5, 40, 12].map((n, i) => documentOf(letters(n, i), `d${i}`));
    const score = async (start: StartPoint | null, batchTokens: number): Promise<Float64Array[]> => {
      const place = { base: model, baseSha256: 'one', folder };
      const cache = start === null ? null : await openHiddenStateCache({ ...place, ...start });
      const options = { name: 'x', base: model, extension, tokenizer, batchTokens };
      const scores = await createScorer({ ...options, ...(cache && { hiddenStates: cache }) }).score(
        documents,
      );
      await cache?.close();
      if (cache !== null) counts.push({ ...cache.counts });
      return scores.map(({ logProbs }) => logProbs);
    };
    const counts: object[] = [];
    const ffn = { layer: 1, at: 'ffn' } as const;
    const cold = await score(ffn, 32);
    expect(await score(ffn, 32)).toEqual(cold);
    // five windows: a document of 40 tokens has three of at most 16
    expect(counts).toEqual([
      { found: 0, computed: 5 },
      { found: 5, computed: 0 },
    ]);
    const plain = await score(null, 32);
    const difference = Math.max(...cold.map((values, i) => maxDifference(values, plain[i]!)));
    expect(difference).toBeGreaterThan(0);
    // 8 significant bits of each hidden value, on logits of a few units
    expect(difference).toBeLessThan(0.1);
    await expect(score({ layer: 2, at: 'block' }, 32)).rejects.toThrow(
      /begin at layer 2, but passes can begin at the FFN of layer 1 at most/,
    );
    extension.dispose();
    model.dispose();
    await rm(folder, { recursive: true });
  });
});
