import type { BaseModel, Extension, Method, ParamMap } from '@moect/core';
import { createByteTokenizer } from '@moect/data';
import { assertMixtureBound, createMixtureScorer, createScorer } from '@moect/eval';
import { bayesianMixture, fullCt, loraCt, MOE_CT_MIXTURE, MOE_CT_PAPER, moeCt } from '@moect/experts';
import { digestParameters } from '@moect/freeze';
import { assign, createRng, randomNormal, selectBackend } from '@moect/tensor';
import { leakedTensors, maxDifference, testBackends } from '@moect/tensor/testing';
import { adamW, constant, train } from '@moect/trainer';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byteBase, logitsOf, randomRows, tinyBase, tinyData } from '../support/tiny.ts';

interface Variant {
  readonly name: string;
  readonly method: Method<never>;
  readonly config: object;
  /** The method starts with zero output, so it changes no bit of the logits. */
  readonly bitEqualStart: boolean;
}

const moe = moeCt() as Method<never>;
const zeroDown = { expert: { type: 'swiglu', size: 8, init: 'zero-down' } };
const variants: readonly Variant[] = [
  { name: 'moe-ct', method: moe, config: {}, bitEqualStart: false },
  { name: 'moe-ct-paper', method: moe, config: MOE_CT_PAPER, bitEqualStart: false },
  { name: 'moe-ct-mixture', method: moe, config: MOE_CT_MIXTURE, bitEqualStart: false },
  {
    name: 'moe-ct fixed',
    method: moe,
    config: { fusion: { type: 'fixed', baseWeight: 0.5 } },
    bitEqualStart: false,
  },
  { name: 'moe-ct discrete', method: moe, config: { fusion: { type: 'discrete' } }, bitEqualStart: false },
  { name: 'moe-ct bottleneck', method: moe, config: zeroDown, bitEqualStart: true },
  { name: 'moe-ct top layer', method: moe, config: { layers: { top: 1 } }, bitEqualStart: false },
  { name: 'lora-ct', method: loraCt() as Method<never>, config: {}, bitEqualStart: true },
  { name: 'ct', method: fullCt() as Method<never>, config: {}, bitEqualStart: true },
];

const attach = ({ method, config }: Variant, base: BaseModel): Extension =>
  method.attach(base, config as never, createRng(3));

const trainSome = (base: BaseModel, extension: Extension, totalSteps = 5): ReturnType<typeof train> =>
  train({
    base,
    extension,
    data: tinyData(),
    totalSteps,
    optimizer: adamW({ weightDecay: 0.1 }),
    schedule: constant({ learningRate: 0.02, totalSteps }),
  });

/** Weights far from where they began, as training at a terrible learning rate would leave them. */
function scramble(parameters: ParamMap): void {
  const rng = createRng(11);
  for (const parameter of parameters.values()) {
    const noise = randomNormal(rng, parameter.shape, 0.5);
    assign(parameter as never, noise);
    noise.dispose();
  }
}

describe.each(testBackends())('laws of the method on %s', (backend) => {
  let base: BaseModel;

  beforeAll(async () => {
    await selectBackend(backend);
  });
  beforeEach(() => {
    base = tinyBase();
  });
  afterEach(() => {
    base.dispose();
  });

  it.each(variants)('law 1: training $name leaves every byte of the base', async (variant) => {
    const before = await digestParameters(base.parameters);
    const extension = attach(variant, base);
    await trainSome(base, extension);
    expect(await digestParameters(base.parameters)).toBe(before);
    extension.dispose();
  });

  it.each(variants)('law 2: a fresh $name is the base', async (variant) => {
    const rows = randomRows(3, 9);
    const plain = await logitsOf(base, rows);
    const extension = attach(variant, base);
    const extended = await logitsOf(base, rows, extension);
    if (variant.bitEqualStart) expect(extended).toEqual(plain);
    // three layers of float32 sums of 24 terms on logits of size 10
    else expect(maxDifference(extended, plain)).toBeLessThan(1e-4);
    extension.dispose();
  });

  it.each(variants)('$name learns something else than the base', async (variant) => {
    const rows = randomRows(3, 9);
    const plain = await logitsOf(base, rows);
    const extension = attach(variant, base);
    await trainSome(base, extension);
    expect(maxDifference(await logitsOf(base, rows, extension), plain)).toBeGreaterThan(1e-3);
    extension.dispose();
  });

  const closed = [
    { type: 'always-base' },
    { type: 'fixed', baseWeight: 1 },
    { type: 'guarded', bias: 0, gateThreshold: 0 },
  ];
  it.each(closed)(
    'law 3: with p = 1 by $type, logits are bit-equal whatever the branch holds',
    async (fusion) => {
      const extension = moe.attach(base, { fusion, attentionRank: 2 } as never, createRng(3));
      scramble(extension.parameters);
      const rows = randomRows(3, 9);
      expect(await logitsOf(base, rows, extension)).toEqual(await logitsOf(base, rows));
      extension.dispose();
    },
  );

  it.each(variants.slice(0, 3))(
    'law 3b: mixed with a scrambled $name, no document costs a bit more than under the base',
    async (variant) => {
      const model = byteBase();
      const extension = attach(variant, model);
      scramble(extension.parameters);
      const options = { base: model, tokenizer: createByteTokenizer() };
      const alone = createScorer({ name: 'base', ...options });
      const mixture = createMixtureScorer({
        members: [
          { scorer: alone, languages: ['eng_Latn'] },
          { scorer: createScorer({ name: variant.name, ...options, extension }), languages: ['swh_Latn'] },
        ],
        combination: bayesianMixture(),
      });
      const texts = ['', 'a', 'A short text.', 'Maandishi mafupi, lakini marefu kuliko muktadha. '.repeat(3)];
      const documents = texts.map((text, i) => ({ id: `d${i}`, language: 'eng_Latn', text }));
      const found = assertMixtureBound(await mixture.score(documents), await alone.score(documents), 0.5);
      expect(found).toMatchObject({ bound: 1, document: expect.any(String) });
      extension.dispose();
      model.dispose();
    },
  );

  it.each(variants)(
    'law 4: the optimizer of $name holds state for its own parameters only',
    async (variant) => {
      const extension = attach(variant, base);
      const state = adamW().init(extension.parameters);
      const names = [...extension.parameters.keys()].flatMap((n) => [`exp_avg.${n}`, `exp_avg_sq.${n}`]);
      expect([...state.tensors.keys()].sort()).toEqual(names.sort());
      for (const parameter of extension.parameters.values()) {
        expect([...base.parameters.values()]).not.toContain(parameter);
      }
      state.dispose();
      extension.dispose();
    },
  );

  it.each(variants.slice(0, 3))('law 6: in $name later tokens move no earlier logit', async (variant) => {
    const extension = attach(variant, base);
    scramble(extension.parameters);
    for (const length of [1, 3, 7, 15, 31, 32, 63]) {
      const [row] = randomRows(1, 64, length);
      const changed = row!.map((token, i) => (i < length ? token : (token + 7) % 40));
      const [a, b] = [await logitsOf(base, [row!], extension), await logitsOf(base, [changed], extension)];
      expect(b.slice(0, length * 40)).toEqual(a.slice(0, length * 40));
    }
    extension.dispose();
  });

  it.each(variants.slice(0, 3))('law 7: in $name a row alone and in a batch agree', async (variant) => {
    const extension = attach(variant, base);
    scramble(extension.parameters);
    const rows = randomRows(4, 11);
    const together = await logitsOf(base, rows, extension);
    for (const [i, row] of rows.entries()) {
      const alone = await logitsOf(base, [row], extension);
      const size = row.length * 40;
      // rows may meet other summation blocks in a larger batch; logits here reach 100
      expect(maxDifference(alone, together.slice(i * size, (i + 1) * size))).toBeLessThan(2e-3);
    }
    extension.dispose();
  });

  it.each(variants)('law 10: accumulating 4 micro-batches of $name equals one batch', async (variant) => {
    const results = [];
    for (const [batchSize, gradientAccumulation] of [
      [8, 1],
      [2, 4],
    ] as const) {
      const extension = attach(variant, base);
      const whole = tinyData(8);
      const part = {
        ...tinyData(batchSize),
        batch: (counter: number) => cut(whole.batch(0), batchSize, counter % gradientAccumulation),
      };
      const { metrics } = await train({
        base,
        extension,
        data: part,
        totalSteps: 1,
        gradientAccumulation,
        optimizer: adamW(),
        schedule: constant({ learningRate: 1e-3, totalSteps: 1 }),
      });
      results.push(metrics!);
      extension.dispose();
    }
    expect(results[1]!.loss).toBeCloseTo(results[0]!.loss, 5);
    expect(Math.abs(results[1]!.gradientNorm / results[0]!.gradientNorm - 1)).toBeLessThan(1e-4);
  });

  it.each(variants)('$name trains and goes without leaving a tensor', async (variant) => {
    await trainSome(base, attachAndForget(variant), 1);
    const leaked = await leakedTensors(async () => {
      const extension = attach(variant, base);
      await trainSome(base, extension, 3);
      extension.dispose();
    });
    expect(leaked).toBe(0);
  });

  /** Warms lazily made tables; disposed with the test's base. */
  function attachAndForget(variant: Variant): Extension {
    return attach(variant, base);
  }
});

function cut(
  batch: ReturnType<ReturnType<typeof tinyData>['batch']>,
  rows: number,
  part: number,
): typeof batch {
  const size = rows * batch.sequenceLength;
  const of = (values: Int32Array): Int32Array => values.slice(part * size, (part + 1) * size);
  return {
    batchSize: rows,
    sequenceLength: batch.sequenceLength,
    tokens: of(batch.tokens),
    targets: of(batch.targets),
    positions: of(batch.positions),
    documentIds: of(batch.documentIds),
    languageIds: of(batch.languageIds),
    roles: of(batch.roles),
  };
}
