import type { BatchSource, Callback, Extension, StepMetrics } from '@moect/core';
import { loadHuggingFaceFolder } from '@moect/models/node';
import { openSafetensors } from '@moect/safetensors/node';
import { selectBackend, testBackends } from '@moect/tensor/testing';
import { fixture, fixtureJson } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { train } from '../loop/train.ts';
import { allParameters } from '../testing/tiny-model.ts';
import { adamW } from './adam-w.ts';
import { constant } from './schedules.ts';

const NAME = 'models/llama-mha-untied';

interface Training {
  readonly losses_before_each_step: number[];
  readonly loss_after_last_step: number;
  readonly grad_norm_before_clipping: number[];
  readonly after3_unstable_flat_index: Record<string, number[]>;
}

/** The same rows at every counter. */
async function fixedBatch(): Promise<BatchSource> {
  const file = await openSafetensors(fixture(`${NAME}/expected.safetensors`));
  const { data, shape } = await file.tensor('input_ids');
  await file.close();
  const [batchSize, sequenceLength] = shape as [number, number];
  const tokens = Int32Array.from(data);
  const column = (t: (i: number) => number): Int32Array =>
    Int32Array.from(tokens, (_, i) => t(i % sequenceLength));
  return {
    languages: [{ code: 'eng_Latn', role: 'new' }],
    fingerprint: 'fixture',
    batch: () => ({
      batchSize,
      sequenceLength,
      tokens,
      targets: Int32Array.from(tokens, (_, i) => ((i + 1) % sequenceLength === 0 ? -1 : tokens[i + 1]!)),
      positions: column((t) => t),
      documentIds: column(() => 0),
      languageIds: column(() => 0),
      roles: column(() => 2),
    }),
  };
}

async function compareWeights(extension: Extension, unstable: Record<string, number[]>): Promise<void> {
  const file = await openSafetensors(fixture(`${NAME}/after3.safetensors`));
  for (const [path, parameter] of extension.parameters) {
    const expected = (await file.tensor(path)).data;
    const skipped = new Set(unstable[path] ?? []);
    const given = await parameter.data();
    let worst = 0;
    for (let i = 0; i < expected.length; i++) {
      if (!skipped.has(i)) worst = Math.max(worst, Math.abs(given[i]! - expected[i]!));
    }
    expect(worst, path).toBeLessThan(2e-5);
  }
  expect([...file.entries.keys()].sort()).toEqual([...extension.parameters.keys()].sort());
  await file.close();
}

describe.each(testBackends())('three steps on a real Llama on %s', (backend) => {
  it('go where torch.optim.AdamW goes', { timeout: 120_000 }, async () => {
    await selectBackend(backend);
    const expected = fixtureJson<{ training: Training }>(`${NAME}/expected.json`).training;
    const { model } = await loadHuggingFaceFolder(fixture(NAME));
    const extension = allParameters(model);
    const metrics: StepMetrics[] = [];
    const record: Callback = { contract: 'callback/1', name: 'record', onStep: (m) => void metrics.push(m) };
    const data = await fixedBatch();
    const options = { base: model, extension, data, callbacks: [record] };
    const schedule = constant({ learningRate: 1e-3, totalSteps: 4 });
    await train({ ...options, totalSteps: 3, optimizer: adamW({ weightDecay: 0.1 }), schedule });
    await compareWeights(extension, expected.after3_unstable_flat_index);
    await train({ ...options, totalSteps: 1, optimizer: adamW(), schedule });
    const losses = [...expected.losses_before_each_step, expected.loss_after_last_step];
    metrics.forEach(({ loss }, i) => {
      expect(Math.abs(loss - losses[i]!)).toBeLessThan(5e-5);
    });
    expected.grad_norm_before_clipping.forEach((norm, i) => {
      expect(metrics[i]!.gradientNorm / norm).toBeCloseTo(1, 4);
    });
    extension.dispose();
    model.dispose();
  });
});
