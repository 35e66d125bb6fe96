import type { BaseModel, Extension, Method } from '@moect/core';
import { assertUnchanged, digestEachParameter } from '@moect/freeze';
import {
  add,
  assign,
  createRng,
  crossEntropy,
  dispose,
  memory,
  mul,
  randomNormal,
  reshape,
  sub,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxDifference } from '../testing/max-difference.ts';
import { logitsOf, tinyLlama, tokenBatch } from '../testing/tiny-models.ts';
import { fullCt } from './full-ct.ts';
import { loraCt } from './lora-ct.ts';
import { moeCt } from './moe-ct.ts';
import { MOE_CT_MIXTURE, MOE_CT_PAPER } from './moe-ct-config.ts';

type Tensor = ReturnType<typeof tensor>;
// biome-ignore lint/suspicious/noExplicitAny: each case has its own configuration type
type Case = { name: string; method: Method<any>; config: object; exact: boolean };

const cases: Case[] = [
  { name: 'guarded', method: moeCt(), config: {}, exact: false },
  { name: 'guarded with attention', method: moeCt(), config: { attentionRank: 3 }, exact: false },
  { name: 'paper', method: moeCt(), config: MOE_CT_PAPER, exact: false },
  { name: 'paper, E = 4', method: moeCt(), config: { ...MOE_CT_PAPER, numExperts: 4 }, exact: false },
  { name: 'discrete', method: moeCt(), config: { fusion: { type: 'discrete' } }, exact: false },
  { name: 'fixed', method: moeCt(), config: { fusion: { type: 'fixed', baseWeight: 0.3 } }, exact: false },
  { name: 'mixture pack', method: moeCt(), config: MOE_CT_MIXTURE, exact: false },
  {
    name: 'small pack',
    method: moeCt(),
    config: { ...MOE_CT_MIXTURE, numExperts: 1, expert: { type: 'swiglu', size: 6, init: 'zero-down' } },
    exact: true,
  },
  {
    name: 'guarded bottleneck on top',
    method: moeCt(),
    config: { layers: { top: 2 }, headDelta: 4, expert: { type: 'swiglu', size: 5, init: 'zero-down' } },
    exact: true,
  },
  { name: 'LoRA', method: loraCt(), config: {}, exact: true },
  { name: 'full', method: fullCt(), config: {}, exact: true },
];

const attach = ({ method, config }: Case, base: BaseModel): Extension =>
  method.attach(base, config, createRng(7));

const runs = (extension: Extension) => ({
  attachments: extension.attachments,
  overrides: extension.overrides,
});

/** Moves every parameter, as training would. */
function shake(extension: Extension, std: number): void {
  const rng = createRng(23);
  for (const parameter of extension.parameters.values()) {
    tidy(() => assign(parameter, add(parameter, randomNormal(rng, parameter.shape, std))));
  }
}

describe.each(testBackends())('methods on %s', (backend) => {
  let base: BaseModel;
  let tokens: Tensor;
  beforeAll(async () => {
    await selectBackend(backend);
    base = tinyLlama();
    tokens = tokenBatch(2, 9);
  });
  afterAll(() => {
    base.dispose();
    tokens.dispose();
  });

  it.each(cases)('a fresh $name extension is the base (law 2)', async (testCase) => {
    const extension = attach(testCase, base);
    const plain = await logitsOf(base, tokens);
    const extended = await logitsOf(base, tokens, runs(extension));
    if (testCase.exact) expect(maxDifference(extended, plain)).toBe(0);
    else expect(maxDifference(extended, plain)).toBeLessThan(2e-5);
    extension.dispose();
  });

  it.each(cases)('$name trains its own parameters only (laws 1 and 4)', async (testCase) => {
    const extension = attach(testCase, base);
    shake(extension, 0.02);
    const before = await digestEachParameter(base.parameters);
    const targets = tokenBatch(2, 9, 37, 6);
    const roles = tokenBatch(2, 9, 3, 8);
    const loss = (): Tensor => {
      const { logits, auxLosses } = base.forward(tokens, { ...runs(extension), training: true, roles });
      const nats = sum(crossEntropy(reshape(logits, [18, 37]), reshape(targets, [18])));
      return Object.values(auxLosses).reduce((a, b) => add(a, b), nats);
    };
    const { value, gradients } = valueAndGrads(loss, extension.parameters);
    expect([...gradients.keys()].sort()).toEqual([...extension.parameters.keys()].sort());
    for (const [name, gradient] of gradients) {
      const values = [...(await gradient.data())];
      expect(values.every(Number.isFinite), name).toBe(true);
      const variable = extension.parameters.get(name)!;
      tidy(() => assign(variable, sub(variable, mul(gradient, 0.01))));
    }
    const lower = tidy(loss);
    expect((await lower.data())[0]!).toBeLessThan((await value.data())[0]!);
    assertUnchanged(before, await digestEachParameter(base.parameters));
    dispose([targets, roles, value, lower, [...gradients.values()]]);
    extension.dispose();
  });

  it.each(cases)('$name is causal (law 6) and does not see its batch (law 7)', async (testCase) => {
    const extension = attach(testCase, base);
    shake(extension, 0.1);
    for (const time of testCase.name === 'guarded with attention' ? [1, 3, 7, 15, 31, 32, 63] : [1, 15]) {
      const [row, other] = [tokenBatch(1, time), tokenBatch(1, time, 37, 99)];
      const half = Math.max(1, Math.floor(time / 2));
      const [ids, otherIds] = [await row.data(), await other.data()];
      const changed = tokensFrom(Int32Array.from(ids, (id, i) => (i < half ? id : otherIds[i]!)));
      const pair = tokensFrom(Int32Array.from([...ids, ...otherIds]), 2);
      const alone = await logitsOf(base, row, runs(extension));
      const later = await logitsOf(base, changed, runs(extension));
      const batched = await logitsOf(base, pair, runs(extension));
      const until = half * 37;
      expect(maxDifference(later.subarray(0, until), alone.subarray(0, until))).toBeLessThan(1e-5);
      expect(maxDifference(batched.subarray(0, time * 37), alone)).toBeLessThan(1e-5);
      dispose([row, other, changed, pair]);
    }
    extension.dispose();
  });

  it.each(cases)('$name decodes with a cache as without', async (testCase) => {
    const extension = attach(testCase, base);
    shake(extension, 0.1);
    const row = tokenBatch(2, 8);
    const whole = await logitsOf(base, row, runs(extension));
    const ids = (await row.data()) as Int32Array;
    const cache = base.createCache(2);
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 6],
      [6, 8],
    ] as const) {
      const part = tokensFrom(
        Int32Array.from([...ids.subarray(from, to), ...ids.subarray(8 + from, 8 + to)]),
        2,
      );
      const logits = await logitsOf(base, part, { ...runs(extension), cache });
      const expected = [0, 8].flatMap((row) => [...whole.subarray((row + from) * 37, (row + to) * 37)]);
      expect(maxDifference(logits, expected)).toBeLessThan(2e-5);
      part.dispose();
    }
    cache.dispose();
    row.dispose();
    extension.dispose();
  });

  it.each(cases)('$name leaks nothing', async (testCase) => {
    const once = async (): Promise<void> => {
      const extension = attach(testCase, base);
      await logitsOf(base, tokens, runs(extension));
      const { value, gradients } = valueAndGrads(
        () => sum(base.forward(tokens, { ...runs(extension), training: true }).logits),
        extension.parameters,
      );
      dispose([value, [...gradients.values()]]);
      extension.dispose();
    };
    await once();
    expect(await leakedTensors(once)).toBe(0);
    expect(memory().numTensors).toBeGreaterThan(0);
  });
});

function tokensFrom(ids: Int32Array, batch = 1): Tensor {
  return tensor(ids, [batch, ids.length / batch], 'int32');
}
