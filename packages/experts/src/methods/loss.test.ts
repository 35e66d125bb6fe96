import type { Candidates, LossResult, Method, ParamMap, Settings, Tensor } from '@moect/core';
import {
  add,
  assign,
  createRng,
  crossEntropy,
  dispose,
  keep,
  matMul,
  mul,
  oneHot,
  randomNormal,
  reshape,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { leakedTensors, maxDifference, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { tokenBatch } from '../testing/passes.ts';
import { tinyLlama } from '../testing/tiny-models.ts';
import { fullCt } from './full-ct.ts';
import { moeCt } from './moe-ct.ts';
import { MOE_CT_MIXTURE } from './moe-ct-config.ts';

// biome-ignore lint/suspicious/noExplicitAny: each method has its own configuration type
const cases: [name: string, attach: Method<any>['attach'], settings: Settings][] = [
  ['full continual training', fullCt().attach, {}],
  ['guarded, full head delta', moeCt().attach, {}],
  ['guarded, head delta of rank 3', moeCt().attach, { headDelta: 3 }],
  ['guarded, no head delta', moeCt().attach, { headDelta: null }],
  ['always on', moeCt().attach, MOE_CT_MIXTURE as Settings],
  ['rows of some tokens', moeCt().attach, { ...MOE_CT_MIXTURE, headDelta: null, tokenRows: [1, 3, 7, 36] }],
];

const TARGETS = [3, 1, -1, 4, 0, 36, 5, -1, 7, 7, 2, 9];
/** Every target and every token with a row, in no order, and others that stand for three tokens each. */
const CANDIDATES = [36, 3, 1, 4, 0, 5, 7, 2, 9, 20, 11, 30];
const LOG_COUNTS = CANDIDATES.map((_, i) => (i < 9 ? 0 : Math.log(3)));

/** Picks the candidates' columns of logits [rows, 37] and adds their log counts. */
function amongCandidates(logits: Tensor): Tensor {
  const columns = oneHot(tensor(CANDIDATES, [CANDIDATES.length], 'int32'), 37);
  return add(matMul(logits, columns, { transposeB: true }), tensor(LOG_COUNTS, [1, CANDIDATES.length]));
}

function candidates(): Candidates {
  const places = Float32Array.from({ length: 37 }, (_, token) => CANDIDATES.indexOf(token));
  const ofTargets = TARGETS.map((target) => (target < 0 ? -1 : CANDIDATES.indexOf(target)));
  return {
    tokens: tensor(CANDIDATES, [CANDIDATES.length], 'int32'),
    targets: tensor(ofTargets, [2, 6], 'int32'),
    logCounts: tensor(LOG_COUNTS, [CANDIDATES.length, 1]),
    places: tensor(places, [37, 1]),
  };
}

describe.each(testBackends())("a model's loss on %s", (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  describe.each([true, false])('with a tied head: %s', (tied) => {
    const all = cases.flatMap(([name, ...rest]) => [
      [name, 'all tokens', ...rest] as const,
      [name, 'some tokens', ...rest] as const,
    ]);
    it.each(all)('is that of its logits, gradients included: %s, %s', async (_, over, attach, settings) => {
      const base = tinyLlama({ tie_word_embeddings: tied });
      const extension = attach(base, settings, createRng(7));
      const rng = createRng(3);
      for (const parameter of extension.parameters.values()) {
        tidy(() => assign(parameter, add(parameter, randomNormal(rng, parameter.shape, 0.05))));
      }
      const tokens = tokenBatch(2, 6);
      const targets = tensor(TARGETS, [2, 6], 'int32');
      const sampled = over === 'all tokens' ? null : candidates();
      const options = {
        training: true,
        attachments: extension.attachments,
        overrides: extension.overrides,
      };
      const whole = (): Tensor => {
        const logits = reshape(base.forward(tokens, options).logits, [12, 37]);
        const losses =
          sampled === null
            ? crossEntropy(logits, reshape(targets, [12]))
            : crossEntropy(amongCandidates(logits), reshape(sampled.targets, [12]));
        return mul(sum(losses), 0.1);
      };
      const kept: LossResult[] = [];
      const direct = (): Tensor => {
        const given = { ...options, ...(sampled && { candidates: sampled }) };
        const result = base.loss!(tokens, targets, 0.1, given);
        kept.push(result);
        keep(result.tokenLosses);
        return result.loss;
      };
      const run = (loss: () => Tensor): { value: Tensor; gradients: ParamMap } =>
        tidy(() => valueAndGrads(loss, extension.parameters));
      const [a, b] = [run(whole), run(direct)];
      const [expected, got] = [(await a.value.data())[0]!, (await b.value.data())[0]!];
      // the same sums, in another order
      expect(Math.abs(got - expected)).toBeLessThan(1e-5);
      const losses = await kept[0]!.tokenLosses.data();
      expect(Math.abs(losses[2]!) + Math.abs(losses[7]!)).toBe(0);
      const total = Array.from(losses).reduce((x, y) => x + y, 0);
      expect(Math.abs(0.1 * total - expected)).toBeLessThan(1e-5);
      expect([...b.gradients.keys()]).toEqual([...a.gradients.keys()]);
      for (const [path, gradient] of a.gradients) {
        const difference = maxDifference(
          (await b.gradients.get(path)!.data()) as Float32Array,
          (await gradient.data()) as Float32Array,
        );
        expect(difference, path).toBeLessThan(2e-5);
      }
      dispose(kept.splice(0));
      const leaked = await leakedTensors(() => dispose([run(direct), kept.splice(0)]));
      expect(leaked).toBe(0);
      dispose([a, b, tokens, targets, ...Object.values(sampled ?? {})]);
      extension.dispose();
      base.dispose();
    });
  });
});
