import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resetWasmHeapPeak, wasmHeapStatistics } from '@moect/backend-wasm';
import type { BaseModel, BatchSource, Extension, Method, StepMetrics } from '@moect/core';
import { fullCt, loraCt, moeCt } from '@moect/experts';
import { createModel, initParameters } from '@moect/models';
import { type HiddenStateCache, openHiddenStateCache } from '@moect/models/node';
import { createRng, selectBackend } from '@moect/tensor';
import { leakedTensors, maxDifference, testBackends } from '@moect/tensor/testing';
import { adamW, constant, type TrainOptions, train } from '@moect/trainer';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tinyBase, tinyData } from '../support/tiny.ts';

const moe = moeCt() as Method<never>;
const guarded = { fusion: { type: 'guarded' }, headDelta: 4, attentionRank: 2 };
const variants: readonly { name: string; method: Method<never>; config: object }[] = [
  { name: 'ct', method: fullCt() as Method<never>, config: {} },
  { name: 'lora-ct', method: loraCt() as Method<never>, config: {} },
  { name: 'moe-ct', method: moe, config: guarded },
  { name: 'moe-ct top layers', method: moe, config: { ...guarded, layers: { top: 2 } } },
  { name: 'moe-ct paper', method: moe, config: { fusion: { type: 'continuous' } } },
  {
    name: 'moe-ct with a noisy router',
    method: moe,
    config: { ...guarded, numExperts: 3, router: { type: 'top-k', noise: 'gaussian' } },
  },
];

interface Trained {
  readonly steps: StepMetrics[];
  readonly statistics: unknown[];
  readonly weights: Record<string, number[]>;
}

async function trained(
  base: BaseModel,
  extension: Extension,
  more: Partial<TrainOptions> = {},
  data: BatchSource = tinyData(),
): Promise<Trained> {
  const [steps, statistics]: [StepMetrics[], unknown[]] = [[], []];
  const totalSteps = 4;
  await train({
    base,
    extension,
    data,
    totalSteps,
    gradientAccumulation: 2,
    optimizer: adamW(),
    schedule: constant({ learningRate: 0.01, totalSteps }),
    statisticsEvery: 2,
    callbacks: [
      {
        contract: 'callback/1',
        name: 'record',
        onStep: ({ tokensPerSecond: _speed, ...rest }) => void steps.push(rest as StepMetrics),
        onStatistics: (_step, found) => void statistics.push(found),
      },
    ],
    ...more,
  });
  const weights: Record<string, number[]> = {};
  for (const [name, variable] of extension.parameters) weights[name] = [...(await variable.data())];
  return { steps, statistics, weights };
}

describe.each(testBackends())('recomputation on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it.each(variants)(
    'changes no bit of losses, statistics and weights of $name',
    async ({ method, config }) => {
      const base = tinyBase();
      const run = async (recompute: boolean): Promise<Trained> => {
        const extension = method.attach(base, config as never, createRng(3));
        const result = await trained(base, extension, { recompute });
        extension.dispose();
        return result;
      };
      expect(await run(true)).toEqual(await run(false));
      base.dispose();
    },
  );
});

describe('recomputation', () => {
  it.each([
    ['ct', 3, fullCt() as Method<never>, {}],
    ['lora-ct', 3, loraCt() as Method<never>, {}],
    // its branches keep few activations even without recomputation
    ['moe-ct', 2.5, moe, { ...guarded, expert: { type: 'swiglu', size: 16, init: 'zero-down' } }],
  ] as const)('divides the memory of a step of %s by more than %f', async (_name, factor, method, config) => {
    await selectBackend('wasm');
    const shape = { hidden_size: 32, intermediate_size: 96, num_hidden_layers: 8, num_attention_heads: 4 };
    const json = {
      architectures: ['LlamaForCausalLM'],
      num_key_value_heads: 4,
      vocab_size: 40,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-5,
      ...shape,
    };
    const base = createModel(json, initParameters(json, createRng(1)));
    const peakHeapBytes = async (work: () => Promise<unknown>): Promise<number> => {
      const before = wasmHeapStatistics()!.liveBytes;
      resetWasmHeapPeak();
      await work();
      return wasmHeapStatistics()!.peakBytes - before;
    };
    const peak = async (recompute: boolean): Promise<number> => {
      const extension = method.attach(base, config as never, createRng(3));
      const step = { recompute, totalSteps: 1, gradientAccumulation: 1 };
      const bytes = await peakHeapBytes(() => trained(base, extension, step, tinyData(16, 64)));
      extension.dispose();
      return bytes;
    };
    const [saved, without] = [await peak(true), await peak(false)];
    expect(without / saved).toBeGreaterThan(factor);
    base.dispose();
  });
});

describe('training from cached hidden states', () => {
  let folder: string;
  let base: BaseModel;
  beforeEach(async () => {
    await selectBackend('wasm');
    folder = await mkdtemp(join(tmpdir(), 'moect-savings-'));
    base = tinyBase();
  });
  afterEach(async () => {
    base.dispose();
    await rm(folder, { recursive: true });
  });
  const top = { ...guarded, layers: { top: 2 } };
  /** Two batches that repeat, as in epochs. */
  const epochs = (): BatchSource => {
    const data = tinyData();
    return { ...data, batch: (counter) => data.batch(counter % 2) };
  };

  async function run(cached: boolean): Promise<Trained & { counts: HiddenStateCache['counts'] | null }> {
    const extension = moe.attach(base, top as never, createRng(3));
    const start = base.prefix!.start(extension);
    expect(start).toEqual({ layer: 1, at: 'ffn' });
    const cache = cached ? await openHiddenStateCache({ base, baseSha256: 'one', ...start, folder }) : null;
    const result = await trained(base, extension, cache === null ? {} : { hiddenStates: cache }, epochs());
    await cache?.close();
    extension.dispose();
    return { ...result, counts: cache === null ? null : { ...cache.counts } };
  }

  it('gives the same bits whatever is in the cache, and nearly those without one', async () => {
    const [cold, warm, plain] = [await run(true), await run(true), await run(false)];
    expect(cold.counts).toEqual({ found: 24, computed: 8 });
    expect(warm.counts).toEqual({ found: 32, computed: 0 });
    expect({ ...warm, counts: null }).toEqual({ ...cold, counts: null });
    // deletes half of the cache
    const names = (await readdir(folder, { recursive: true })).filter((name) =>
      name.endsWith('.safetensors'),
    );
    await rm(join(folder, names[0]!));
    expect({ ...(await run(true)), counts: null }).toEqual({ ...cold, counts: null });
    // bf16 has 8 significant bits: each hidden value moves by at most 2⁻⁸ of itself, once
    for (const [i, { loss }] of cold.steps.entries()) {
      expect(Math.abs(loss / plain.steps[i]!.loss - 1)).toBeLessThan(2 ** -8);
    }
    expect(cold.steps[0]!.loss).not.toBe(plain.steps[0]!.loss);
    for (const [name, values] of Object.entries(cold.weights)) {
      // four steps of at most 0.01 apart in either direction
      expect([name, maxDifference(values, plain.weights[name]!) < 0.08]).toEqual([name, true]);
    }
  });

  it('refuses to begin above what is trained', async () => {
    const extension = moe.attach(base, top as never, createRng(3));
    const above = { layer: 2, at: 'block' } as const;
    const cache = await openHiddenStateCache({ base, baseSha256: 'one', ...above, folder });
    await expect(trained(base, extension, { hiddenStates: cache })).rejects.toThrow(
      /hiddenStates: begin at layer 2, but the FFN of layer 1 is trained/,
    );
    extension.dispose();
  });

  it.each(['block', 'ffn'] as const)('leaks nothing from %s on, with recomputation too', async (at) => {
    const leaked = await leakedTensors(async () => {
      const extension = moe.attach(base, top as never, createRng(3));
      const cache = await openHiddenStateCache({ base, baseSha256: 'one', layer: 1, at, folder });
      await trained(base, extension, { hiddenStates: cache, recompute: true });
      await cache.close();
      extension.dispose();
    });
    expect(leaked).toBe(0);
  });
});
