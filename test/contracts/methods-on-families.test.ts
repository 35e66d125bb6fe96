import type { BaseModel, Extension, Method } from '@moect/core';
import { fullCt, loraCt, MOE_CT_MIXTURE, MOE_CT_PAPER, moeCt } from '@moect/experts';
import { digestParameters } from '@moect/freeze';
import { createModel, initParameters } from '@moect/models';
import { createRng, selectBackend, tensor } from '@moect/tensor';
import { maxDifference, testBackends } from '@moect/tensor/testing';
import { adamW, constant, train } from '@moect/trainer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILY_BASES, OWN_FAMILIES as families } from '../support/family-bases.ts';
import { logitsOf, randomRows, tinyData, VOCAB_SIZE } from '../support/tiny.ts';

const moe = moeCt() as Method<never>;
const methods = [
  { name: 'moe-ct', method: moe, config: { attentionRank: 2 } },
  { name: 'moe-ct-paper', method: moe, config: MOE_CT_PAPER },
  { name: 'moe-ct-mixture', method: moe, config: MOE_CT_MIXTURE },
  {
    name: 'moe-ct bottleneck',
    method: moe,
    config: { expert: { type: 'auto', size: 6, init: 'zero-down' } },
  },
  {
    name: 'moe-ct slices',
    method: moe,
    config: { numExperts: 4, expert: { type: 'auto', size: 8, init: 'slice' } },
  },
  { name: 'lora-ct', method: loraCt() as Method<never>, config: {} },
  { name: 'ct', method: fullCt() as Method<never>, config: {} },
];

const rows = randomRows(2, 9);

/** Mean loss of the first and of the last step on the same few sequences. */
async function trainSome(base: BaseModel, extension: Extension): Promise<[first: number, last: number]> {
  const losses: number[] = [];
  const totalSteps = 8;
  const data = tinyData();
  await train({
    base,
    extension,
    data: { ...data, batch: () => data.batch(0) },
    totalSteps,
    optimizer: adamW({ weightDecay: 0.1 }),
    schedule: constant({ learningRate: 0.02, totalSteps }),
    callbacks: [{ contract: 'callback/1', name: 'losses', onStep: ({ loss }) => void losses.push(loss) }],
  });
  return [losses[0]!, losses.at(-1)!];
}

/** The last logits of each row, token by token through a cache. */
async function decoded(base: BaseModel, { attachments, overrides }: Extension): Promise<Float32Array> {
  const cache = base.createCache(rows.length);
  let last = new Float32Array();
  for (let t = 0; t < rows[0]!.length; t++) {
    const tokens = tensor(
      rows.map((row) => row[t]!),
      [rows.length, 1],
      'int32',
    );
    const result = base.forward(tokens, { attachments, overrides, cache });
    last = Float32Array.from((await result.logits.data()) as Float32Array);
    tokens.dispose();
    result.logits.dispose();
  }
  cache.dispose();
  return last;
}

describe.each(testBackends())('every method on every family, on %s', (backend) => {
  describe.each(Object.entries(FAMILY_BASES))('%s', (_, config) => {
    let base: BaseModel;
    beforeAll(async () => {
      await selectBackend(backend);
      base = createModel(config, initParameters(config, createRng(1), { families }), { families });
    });
    afterAll(() => base.dispose());

    // no slice of a mixture of experts is an expert
    const isMixture = /mixtral|moe/.test(String(config.model_type));
    const possible = methods.filter(({ name }) => !isMixture || name !== 'moe-ct slices');
    it.each(possible)('$name starts as the base, learns, and decodes what it computes', async (given) => {
      const extension = given.method.attach(base, given.config as never, createRng(3));
      const plain = await logitsOf(base, rows);
      const fresh = await logitsOf(base, rows, extension);
      // slices start only near the base
      if (given.name !== 'moe-ct slices') expect(maxDifference(fresh, plain)).toBeLessThan(5e-5);
      const before = await digestParameters(base.parameters);
      const [first, last] = await trainSome(base, extension);
      expect(last).toBeLessThan(first - 0.1);
      expect(await digestParameters(base.parameters)).toBe(before);
      const whole = await logitsOf(base, rows, extension);
      expect(maxDifference(whole, plain)).toBeGreaterThan(0.01);
      const perRow = rows[0]!.length * VOCAB_SIZE;
      const ends = rows.flatMap((_row, i) => [
        ...whole.subarray((i + 1) * perRow - VOCAB_SIZE, (i + 1) * perRow),
      ]);
      expect(maxDifference(await decoded(base, extension), ends)).toBeLessThan(1e-4);
      extension.dispose();
    });
  });
});
