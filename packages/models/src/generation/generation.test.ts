import {
  type Attachments,
  type BaseModel,
  type Combination,
  InvalidConfigError,
  NonFiniteError,
} from '@moect/core';
import { dispose, neg, tensor } from '@moect/tensor';
import { leakedTensors, maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadHuggingFaceFolder } from '../node/load-folder.ts';
import { tinyLlama } from '../testing/tiny-llama.ts';
import { createCombinedDecoder, type GenerationMember } from './combined-decoder.ts';
import { generate, generateBatch } from './generate.ts';
import { generateCombined } from './generate-combined.ts';
import { logSoftmaxRow, sampleToken } from './sampling.ts';

const logarithms = (...probabilities: number[]): Float64Array => Float64Array.from(probabilities, Math.log);

describe('sampleToken', () => {
  const p = logarithms(0.1, 0.4, 0.2, 0.3);
  it('takes the likeliest without temperature, the first of equals', () => {
    expect(sampleToken(p, {}, 0.99)).toBe(1);
    expect(sampleToken(logarithms(0.2, 0.4, 0.4), {}, 0.5)).toBe(1);
  });

  it('inverts the distribution function', () => {
    const at = (u: number, options = {}): number => sampleToken(p, { temperature: 1, ...options }, u);
    expect([0, 0.09, 0.11, 0.49, 0.51, 0.69, 0.71, 0.999].map((u) => at(u))).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3,
    ]);
    // two likeliest: 0.4 and 0.3, renormalised 0.571 and 0.429
    expect([0.56, 0.58].map((u) => at(u, { topK: 2 }))).toEqual([1, 3]);
    // 0.4 + 0.3 reach 0.7, so token 2 is out
    expect([0.56, 0.58, 0.999].map((u) => at(u, { topP: 0.69 }))).toEqual([1, 3, 3]);
    expect(at(0.999, { topP: 1e-9 })).toBe(1);
    // squared probabilities at temperature ½: 0.01, 0.16, 0.04, 0.09 of 0.30
    expect([0.03, 0.04, 0.56, 0.58].map((u) => at(u, { temperature: 0.5 }))).toEqual([0, 1, 1, 2]);
  });

  it('refuses logits that are not finite', () => {
    expect(() => logSoftmaxRow([1, Number.NaN])).toThrow(NonFiniteError);
    expect(() => logSoftmaxRow([1, Number.POSITIVE_INFINITY])).toThrow(NonFiniteError);
    expect(logSoftmaxRow([1000, 1000])[0]).toBeCloseTo(-Math.LN2, 12);
  });
});

/** P(next) = Σ wᵢ Pᵢ with weights by likelihood (docs/method.md §4.2). */
const bayes: Combination = {
  contract: 'combination/1',
  name: 'test',
  start: (members, language) =>
    Float64Array.from(members, ({ languages }) => {
      if (language === undefined) return -Math.log(members.length);
      return languages.includes(language) ? 0 : Number.NEGATIVE_INFINITY;
    }),
  update(logWeights, tokenLogProbs) {
    const joint = logWeights.map((w, i) => w + tokenLogProbs[i]!);
    const max = Math.max(...joint);
    const total = max + Math.log(joint.reduce((sum, x) => sum + Math.exp(x - max), 0));
    return joint.map((x) => x - total);
  },
};

describe.each(testBackends())('generation on %s', (backend) => {
  let model: BaseModel;
  beforeAll(async () => {
    await selectBackend(backend);
    ({ model } = await loadHuggingFaceFolder(tinyLlama));
  });
  afterAll(() => model.dispose());
  const prompts = [
    [1, 5, 9, 3],
    [1, 7],
    [1, 2, 3, 4, 5, 6, 7],
  ];
  const sampled = { maxNewTokens: 12, temperature: 0.9, topK: 9, topP: 0.95, seed: 5 };

  it('greedy equals recomputing everything for each token', async () => {
    const tokens = [...prompts[0]!];
    for (let step = 0; step < 10; step++) {
      const input = tensor(tokens, [1, tokens.length], 'int32');
      const result = model.forward(input);
      const logits = (await result.logits.data()) as Float32Array;
      const last = logits.subarray(logits.length - model.vocabSize);
      tokens.push(last.indexOf(Math.max(...last)));
      dispose([input, result]);
    }
    const made = await generate(model, prompts[0]!, { maxNewTokens: 10 });
    expect(made).toEqual({ tokens: tokens.slice(4), finishReason: 'length' });
  });

  it('a batch of unequal prompts gives what each gives alone', async () => {
    const together = await generateBatch(model, prompts, { maxNewTokens: 9 });
    for (const [i, prompt] of prompts.entries()) {
      expect(together[i]).toEqual(await generate(model, prompt, { maxNewTokens: 9 }));
    }
  });

  it('samples the same text for the same seed', async () => {
    const [a, b] = [await generate(model, [1], sampled), await generate(model, [1], sampled)];
    expect(a).toEqual(b);
    const others = await Promise.all([6, 7, 8].map((seed) => generate(model, [1], { ...sampled, seed })));
    expect(others.some(({ tokens }) => tokens.join() !== a.tokens.join())).toBe(true);
  });

  it('stops at stop ids and when aborted, and tells each token', async () => {
    const { tokens } = await generate(model, [1], sampled);
    const heard: number[] = [];
    const stopped = await generate(model, [1], {
      ...sampled,
      stopIds: [tokens[3]!],
      onToken: (t) => heard.push(t),
    });
    const end = tokens.indexOf(tokens[3]!) + 1;
    expect(stopped).toEqual({ tokens: tokens.slice(0, end), finishReason: 'stop' });
    expect(heard).toEqual(stopped.tokens);
    const stopper = new AbortController();
    const onToken = (): void => stopper.abort();
    const aborted = await generate(model, [1], { ...sampled, signal: stopper.signal, onToken });
    expect(aborted).toEqual({ tokens: tokens.slice(0, 1), finishReason: 'aborted' });
  });

  it('refuses impossible options and prompts', async () => {
    const problems = async (work: Promise<unknown>): Promise<string[]> => {
      const error = await work.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(InvalidConfigError);
      return (error as InvalidConfigError).problems.map(({ path }) => path);
    };
    const wrong = { maxNewTokens: -1, temperature: Number.NaN, topK: 0.5, topP: 0 };
    expect(await problems(generate(model, [1], wrong))).toEqual([
      'temperature',
      'topK',
      'topP',
      'maxNewTokens',
    ]);
    expect(await problems(generateBatch(model, [[1], [], [23]], { maxNewTokens: 1 }))).toEqual([
      'prompts[1]',
      'prompts[2]',
    ]);
    expect(await problems(generateBatch(model, [], { maxNewTokens: 1 }))).toEqual(['prompts']);
  });

  it('leaks nothing', async () => {
    const leaked = await leakedTensors(async () => {
      await generateBatch(model, prompts, { maxNewTokens: 3 });
      await generateCombined(members(), bayes, prompts[0]!, { maxNewTokens: 3 });
      await generate(model, [], { maxNewTokens: 3 }).catch(() => undefined);
    });
    expect(leaked).toBe(0);
  });

  /** The base, and a pack that inverts its preferences. */
  const members = (): GenerationMember[] => {
    const head: Attachments['head'] = (_hidden, logits) => neg(logits);
    const attachments = { ffn: new Map(), linear: new Map(), block: new Map(), head };
    return [
      { name: 'base', languages: ['old'], model },
      { name: 'pack', languages: ['new'], model, attachments },
    ];
  };

  it('a known language goes through one member alone', async () => {
    const greedy = await generate(model, prompts[2]!, { maxNewTokens: 8 });
    const known = await generateCombined(members(), bayes, prompts[2]!, { maxNewTokens: 8, language: 'old' });
    expect(known.tokens).toEqual(greedy.tokens);
    expect(known.posteriors.map((w) => [...w])).toEqual(known.tokens.map(() => [1, 0]));
    const pack = await generateCombined(members(), bayes, prompts[2]!, { maxNewTokens: 8, language: 'new' });
    expect(pack.tokens).not.toEqual(greedy.tokens);
  });

  it('hands the gate threshold to what is attached, member by member', async () => {
    const seen: (number | null | undefined)[] = [];
    const head: Attachments['head'] = (_hidden, logits, { gateThreshold }) => {
      seen.push(gateThreshold);
      return logits;
    };
    const attachments = { ffn: new Map(), linear: new Map(), block: new Map(), head };
    for (const gateThreshold of [0.25, null]) {
      await generate(model, prompts[0]!, { maxNewTokens: 1, attachments, gateThreshold });
    }
    await generate(model, prompts[0]!, { maxNewTokens: 1, attachments });
    const [base, pack] = members() as [GenerationMember, GenerationMember];
    const both = [base, { ...pack, attachments, gateThreshold: 0.5 }];
    await generateCombined(both, bayes, prompts[0]!, { maxNewTokens: 1 });
    expect(seen).toEqual([0.25, null, undefined, 0.5]);
    const wrong = generate(model, prompts[0]!, { maxNewTokens: 1, gateThreshold: 2 });
    await expect(wrong).rejects.toThrow(/gateThreshold: is 2, expected null or a number from 0 to 1/);
    const broken = generateCombined([base, { ...pack, gateThreshold: -1 }], bayes, prompts[0]!, {
      maxNewTokens: 1,
    });
    await expect(broken).rejects.toThrow(/members\[1\]\.gateThreshold: is -1/);
  });

  it('mixes by the likelihood of the prefix', async () => {
    const prompt = prompts[2]!;
    const rows = await Promise.all(
      members().map(async (member) => {
        const input = tensor(prompt, [1, prompt.length], 'int32');
        const options = member.attachments === undefined ? {} : { attachments: member.attachments };
        const result = model.forward(input, options);
        const logits = (await result.logits.data()) as Float32Array;
        dispose([input, result]);
        const v = model.vocabSize;
        return prompt.map((_, t) => logSoftmaxRow(logits.subarray(t * v, (t + 1) * v)));
      }),
    );
    const likelihood = rows.map((row) => prompt.slice(1).reduce((sum, id, t) => sum + row[t]![id]!, 0));
    const total = Math.log(likelihood.reduce((sum, l) => sum + Math.exp(l), 0));
    const weights = likelihood.map((l) => l - total);
    const wanted = rows[0]!
      .at(-1)!
      .map((_, id) =>
        Math.log(rows.reduce((sum, row, i) => sum + Math.exp(weights[i]! + row.at(-1)![id]!), 0)),
      );
    // two calls, so that the prediction across them counts too
    const decoder = createCombinedDecoder(members(), bayes);
    await decoder.advance(prompt.slice(0, 3));
    const mixed = await decoder.advance(prompt.slice(3));
    expect(maxDifference(decoder.logWeights, weights)).toBeLessThan(1e-4);
    expect(maxDifference(mixed, wanted)).toBeLessThan(1e-4);
    expect(mixed.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 12);
    decoder.dispose();
  });
});
