import {
  type BaseModel,
  type BatchSource,
  type Callback,
  type Extension,
  NonFiniteError,
  type RoutingStatistics,
  type Variable,
} from '@moect/core';
import { add, memory, sqrt, square, stopGradient, sub, sum, tensor } from '@moect/tensor';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { adamW } from '../optimization/adam-w.ts';
import { constant } from '../optimization/schedules.ts';
import { tinyData } from '../testing/tiny-data.ts';
import { allParameters, gatedBranch, tinyModel } from '../testing/tiny-model.ts';
import type { TrainOptions } from './options.ts';
import type { CheckpointStore, Snapshot } from './run-state.ts';
import { train } from './train.ts';

async function valuesOf(extension: Extension): Promise<number[][]> {
  return Promise.all([...extension.parameters.values()].map(async (value) => [...(await value.data())]));
}

function recordingStore(saved: number[]): CheckpointStore {
  return {
    async save({ state }: Snapshot) {
      saved.push(state.step);
      return 'memory';
    },
    load: async () => null,
  };
}

const callback = (hooks: Partial<Callback>): Callback => ({ contract: 'callback/1', name: 'test', ...hooks });

/** The stream with one batch changed. */
function spoiled(at: number, change: (batch: ReturnType<BatchSource['batch']>) => void): BatchSource {
  const data = tinyData();
  return {
    ...data,
    batch(counter) {
      const batch = data.batch(counter);
      if (counter === at) change(batch);
      return batch;
    },
  };
}

/** NaN in one logit of row 0, position 1 of the batch that is forwarded as number `at`. */
function withNaN(base: BaseModel, at: number): BaseModel {
  let calls = 0;
  return {
    ...base,
    forward(tokens, options) {
      const result = base.forward(tokens, options);
      if (calls++ !== at) return result;
      const values = new Float32Array(result.logits.size);
      values[result.logits.shape[2]!] = Number.NaN;
      return { ...result, logits: add(result.logits, tensor(values, result.logits.shape)) };
    },
  };
}

/** An auxiliary loss of 0 with a gradient of 0 · ∞. */
function withBrokenGradient(extension: Extension, parameter: Variable): Extension {
  const ffn = new Map(
    [...extension.attachments.ffn].map(([site, attach]): [string, typeof attach] => [
      site,
      (input, context) => {
        const zero = sum(sqrt(square(sub(parameter, stopGradient(parameter)))));
        const output = attach(input, context);
        return { ...output, auxLosses: { ...output.auxLosses, zero } };
      },
    ]),
  );
  return { ...extension, attachments: { ...extension.attachments, ffn } };
}

describe.each(testBackends())('guarantees of train on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  function setup(make: typeof gatedBranch = gatedBranch): TrainOptions & { dispose(): void } {
    const base = tinyModel();
    const extension = make(base);
    return {
      base,
      extension,
      data: tinyData(),
      totalSteps: 6,
      optimizer: adamW({ weightDecay: 0.1 }),
      schedule: constant({ learningRate: 0.02, totalSteps: 6 }),
      dispose() {
        extension.dispose();
        base.dispose();
      },
    };
  }

  it('NaN in the loss stops before any weight changes, and names its place', async () => {
    const before = memory().numTensors;
    const { dispose, ...options } = setup();
    const weights: number[][][] = [];
    const saved: number[] = [];
    const run = train({
      ...options,
      base: withNaN(options.base, 7),
      gradientAccumulation: 2,
      checkpoints: recordingStore(saved),
      checkpointEvery: 2,
      callbacks: [callback({ onStep: async () => void weights.push(await valuesOf(options.extension)) })],
    });
    await expect(run).rejects.toBeInstanceOf(NonFiniteError);
    const error = (await run.catch((e: unknown) => e)) as NonFiniteError;
    expect(error.where).toMatch(/^Loss of step 4, batch 7 \(row 0, position 1, language (eng|swh)_Latn\)$/);
    expect(await valuesOf(options.extension)).toEqual(weights.at(-1));
    expect(saved).toEqual([2]);
    dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('NaN in a gradient alone stops as well, and names the parameter', async () => {
    const { dispose, ...options } = setup();
    const [path, gate] = [...options.extension.parameters][0]!;
    const start = await valuesOf(options.extension);
    const run = train({ ...options, extension: withBrokenGradient(options.extension, gate) });
    await expect(run).rejects.toThrow(
      `Gradient norm (${path}) of step 1, batch 0 (languages eng_Latn, swh_Latn) is not finite`,
    );
    expect(await valuesOf(options.extension)).toEqual(start);
    dispose();
  });

  it.each([
    [
      'a token outside the vocabulary',
      (b: ReturnType<BatchSource['batch']>) => b.tokens.fill(11, 3, 4),
      /Batch 2: tokens at row 0, position 3 is 11, outside 0 … 10/,
    ],
    [
      'a target outside the vocabulary',
      (b: ReturnType<BatchSource['batch']>) => b.targets.fill(-2, 13, 14),
      /Batch 2: targets at row 1, position 1 is -2/,
    ],
    [
      'an unknown language',
      (b: ReturnType<BatchSource['batch']>) => b.languageIds.fill(7, 0, 1),
      /languageIds at row 0, position 0 is 7/,
    ],
    [
      'nothing to predict',
      (b: ReturnType<BatchSource['batch']>) => b.targets.fill(-1),
      /Step 3 \(batches from 2\): has no token to predict/,
    ],
  ])('refuses %s', async (_name, change, message) => {
    const { dispose, ...options } = setup();
    await expect(train({ ...options, data: spoiled(2, change) })).rejects.toThrow(message);
    dispose();
  });

  it('leaves the base alone and gives it no optimizer state (law 4)', async () => {
    const { dispose, ...options } = setup();
    const base = await Promise.all(
      [...options.base.parameters.values()].map(async (x) => [...(await x.data())]),
    );
    const names: string[] = [];
    const checkpoints: CheckpointStore = {
      async save({ parameters, optimizer }) {
        names.push(...parameters.keys(), ...optimizer.keys());
        return 'memory';
      },
      load: async () => null,
    };
    await train({ ...options, checkpoints });
    expect(names).toHaveLength(6);
    expect(names.filter((name) => !/(gate|branch)\.weight$/.test(name))).toEqual([]);
    const after = await Promise.all(
      [...options.base.parameters.values()].map(async (x) => [...(await x.data())]),
    );
    expect(after).toEqual(base);
    dispose();
  });

  it('refuses parameters that the loss does not depend on', async () => {
    const { dispose, ...options } = setup();
    const other = allParameters(options.base);
    const parameters = new Map([...options.extension.parameters, ...other.parameters]);
    await expect(train({ ...options, extension: { ...options.extension, parameters } })).rejects.toThrow(
      /4 problem\(s\):[\s\S]*lm_head.weight: the loss does not depend on it/,
    );
    other.dispose();
    dispose();
  });

  it('collects p and expert load by site and language', async () => {
    const { dispose, ...options } = setup();
    const seen: [number, RoutingStatistics][] = [];
    const onStatistics = (step: number, statistics: RoutingStatistics): void =>
      void seen.push([step, statistics]);
    const more = { statisticsEvery: 2, gradientAccumulation: 2, callbacks: [callback({ onStatistics })] };
    await train({ ...options, ...more });
    expect(seen.map(([step]) => step)).toEqual([2, 4, 6]);
    const site = seen[0]![1]['model.layers.0.mlp']!;
    expect(Object.keys(site)).toEqual(['eng_Latn', 'swh_Latn']);
    const batches = [2, 3].map((counter) => tinyData().batch(counter));
    for (const [id, { tokens, meanBaseWeight, shareOnBase, expertLoad }] of Object.values(site).entries()) {
      const documents = batches.flatMap((b) => [...b.documentIds].filter((_, i) => b.languageIds[i] === id));
      expect(tokens).toBe(documents.length);
      expect(meanBaseWeight).toBeGreaterThan(0);
      expect(meanBaseWeight).toBeLessThan(1);
      expect(shareOnBase! * tokens).toBeCloseTo(Math.round(shareOnBase! * tokens), 9);
      // the stand-in sends a token to the expert numbered like its document
      const first = documents.filter((document) => document === 0).length / tokens;
      expect(expertLoad).toEqual([expect.closeTo(first, 12), expect.closeTo(1 - first, 12)]);
    }
    dispose();
  });

  it('saves its last step when a callback fails, and when one says stop', async () => {
    const { dispose, ...options } = setup();
    const saved: number[] = [];
    const ends: string[] = [];
    const onEnd = (reason: string): void => void ends.push(reason);
    const fail = callback({
      onEnd,
      onStep({ step }) {
        if (step === 3) throw new Error('no space left');
      },
    });
    const checkpoints = recordingStore(saved);
    await expect(train({ ...options, checkpoints, callbacks: [fail] })).rejects.toThrow('no space left');
    const stop = callback({ onEnd, onStep: ({ step }) => (step === 2 ? 'stop' : undefined) });
    const result = await train({ ...options, checkpoints, callbacks: [stop] });
    expect(result).toMatchObject({ reason: 'stopped', step: 2, checkpoint: 'memory' });
    expect(saved).toEqual([3, 2]);
    expect(ends).toEqual(['failed', 'finished']);
    dispose();
  });

  it('ends after the current micro-batch when interrupted, without half a step', async () => {
    const { dispose, ...options } = setup();
    const controller = new AbortController();
    const weights: number[][][] = [];
    let calls = 0;
    const base: BaseModel = {
      ...options.base,
      forward(tokens, forwardOptions) {
        if (++calls === 4) controller.abort();
        return options.base.forward(tokens, forwardOptions);
      },
    };
    const onStep = async (): Promise<void> => void weights.push(await valuesOf(options.extension));
    const more = { gradientAccumulation: 3, signal: controller.signal, callbacks: [callback({ onStep })] };
    const result = await train({ ...options, ...more, base });
    expect(result).toMatchObject({ reason: 'interrupted', step: 1 });
    expect(calls).toBe(4);
    expect(await valuesOf(options.extension)).toEqual(weights[0]);
    dispose();
  });

  it('lets timers and signal handlers run between micro-batches', async () => {
    const { dispose, ...options } = setup();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    const result = await train({ ...options, totalSteps: 3000, signal: controller.signal });
    expect(result.reason).toBe('interrupted');
    dispose();
  });

  it('refuses options that cannot be, all at once', async () => {
    const { dispose, ...options } = setup();
    const wrong = { ...options, totalSteps: 0, gradientAccumulation: 1.5, maxGradNorm: -1, resume: true };
    await expect(train(wrong)).rejects.toMatchObject({
      problems: [
        { path: 'totalSteps' },
        { path: 'gradientAccumulation' },
        { path: 'maxGradNorm' },
        { path: 'resume' },
      ],
    });
    dispose();
  });
});
