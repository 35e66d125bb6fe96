import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { resetWasmHeapPeak, wasmHeapStatistics } from '@moect/backend-wasm';
import type { StepMetrics } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MoectConfig } from '../config/schema.ts';
import { trainConfig } from '../config/train-config.ts';
import { duration, gibibytes } from '../numbers.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { planConfig } from '../testing/plan-config.ts';
import { runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
  // large enough for activations to outweigh the constant parts
  const sizes = { hidden_size: 64, intermediate_size: 160, num_hidden_layers: 3, vocab_size: 1000 };
  await makeTinyBase(world.at('wide'), 3, sizes);
});
afterAll(() => world.remove());

function config(output: string, preset: string, training: MoectConfig['training']): MoectConfig {
  return {
    base: world.at('wide'),
    preset,
    languages: [
      { code: 'swh_Latn', role: 'new', files: [world.at('swh_Latn.txt')] },
      { code: 'eng_Latn', role: 'old', files: [world.at('eng_Latn.txt')] },
    ],
    data: { sequenceLength: 32, heldOut: 0 },
    training: { steps: 3, ...training },
    output: world.at(output),
  };
}

/** Most heap bytes in use while the steps of a run were trained. */
async function measuredPeak(given: MoectConfig): Promise<number> {
  let peak = 0;
  const pack = await trainConfig(given, {
    callbacks: [
      {
        contract: 'callback/1',
        name: 'measure',
        onStart: resetWasmHeapPeak,
        onStep: (_: StepMetrics): void => {
          peak = wasmHeapStatistics()!.peakBytes;
        },
      },
    ],
  });
  pack.dispose();
  return peak;
}

describe('the plan of a run', { timeout: 120_000 }, () => {
  it.each([
    ['ct', { batchSize: 16 }],
    ['moe-ct', { batchSize: 24 }],
    ['lora-ct', { batchSize: 12, accumulation: 3 }],
    // weights, gradients and moments outweigh the rest
    ['moe-ct-mixture', { batchSize: 1 }],
  ])('%s: peak of the heap within 2 %% of what the run takes', async (preset, training) => {
    const given = config(`peak-${preset}`, preset, training);
    const { memory, time, steps } = await planConfig(given);
    const measured = await measuredPeak(given);
    expect(Math.abs(memory.heap!.peakBytes / measured - 1)).toBeLessThan(0.02);
    expect(memory.heap!.usedBytes).toBeGreaterThanOrEqual(memory.heap!.peakBytes);
    expect(memory.leastBytes).toBeLessThan(memory.heap!.peakBytes);
    expect(time!.seconds).toBeCloseTo(time!.secondsPerStep * steps, 9);
    expect(time!.tokensPerSecond).toBeGreaterThan(0);
  });

  it('a loss over few tokens takes less than one over the whole vocabulary', async () => {
    await makeTinyBase(world.at('many'), 3, { hidden_size: 64, intermediate_size: 160, vocab_size: 20_000 });
    const given = {
      ...config('sampled', 'moe-ct-mixture', { batchSize: 24, sampledSoftmax: 64 }),
      base: world.at('many'),
      packSize: 0.05,
    };
    const { memory } = await planConfig(given, { time: false });
    const whole = { ...given, training: { ...given.training, sampledSoftmax: 0 } };
    expect((await planConfig(whole, { time: false })).memory.heap!.peakBytes).toBeGreaterThan(
      1.05 * memory.heap!.peakBytes,
    );
    expect(Math.abs(memory.heap!.peakBytes / (await measuredPeak(given)) - 1)).toBeLessThan(0.02);
  });

  it('changes nothing: a run that was planned gives the bytes of one that was not', async () => {
    const given = config('planned', 'moe-ct', { batchSize: 4 });
    await planConfig(given);
    expect(existsSync(world.at('planned'))).toBe(false);
    for (const output of ['planned', 'unplanned']) {
      (await trainConfig({ ...given, output: world.at(output) })).dispose();
    }
    const weights = (output: string): Promise<Buffer> =>
      readFile(world.at(output, 'extension/moect_model.safetensors'));
    expect((await weights('planned')).equals(await weights('unplanned'))).toBe(true);
  });

  it('says that a heap is too small, and which batch fits and trains the same', async () => {
    const given = config('small', 'ct', { batchSize: 32, recompute: false });
    const full = await planConfig(given, { time: false });
    const limit = 0.8 * full.memory.heap!.usedBytes;
    const { problems, suggestions } = await planConfig(given, { time: false, limitBytes: limit });
    expect(problems).toEqual([expect.stringMatching(/a step takes .* of WebAssembly memory/)]);
    expect(suggestions[0]).toMatch(
      /^--batch-size (16 --accumulation 2|8 --accumulation 4) \(training\.batchSize: \d+, .*: trains the same in [\d.]+ [MG]iB/,
    );
    // every way is a flag of the command line, and says what it takes
    for (const suggestion of suggestions) expect(suggestion).toMatch(/^--[a-z].*[\d.]+ [MG]iB/);
    expect(suggestions.find((s) => s.startsWith('--recompute'))).toMatch(/same bits, a third more time/);
    expect(full.problems).toEqual([]);
    expect(full.chosen).toEqual([]);
  });

  it('chooses more passes, then recomputation, for what nobody asked for, and says so', async () => {
    const given = config('chosen', 'moe-ct', {});
    const full = await planConfig(given, { time: false });
    expect(full).toMatchObject({ batchSize: 64, accumulation: 1, chosen: [] });
    const limitBytes = 0.7 * full.memory.heap!.usedBytes;
    const parts = await planConfig(given, { time: false, limitBytes });
    expect(parts.problems).toEqual([]);
    expect(parts.batchSize * parts.accumulation).toBe(64);
    expect(parts.batchSize).toBeLessThan(64);
    expect(parts.memory.heap!.usedBytes).toBeLessThanOrEqual(limitBytes);
    expect(parts.chosen).toEqual([
      expect.stringMatching(/^chosen to fit: \d+ passes of \d+ sequences a step, since a step takes /),
    ]);
    const whole = { ...given, training: { ...given.training, batchSize: 64 } };
    const again = await planConfig(whole, { time: false, limitBytes });
    expect(again).toMatchObject({ problems: [], batchSize: 64, accumulation: 1 });
    expect(again.chosen).toEqual([expect.stringMatching(/^chosen to fit: recomputation, since/)]);
    const fixed = { ...whole, training: { ...whole.training, recompute: false } };
    const refused = await planConfig(fixed, { time: false, limitBytes });
    expect(refused.problems).toHaveLength(1);
    expect(refused.chosen).toEqual([]);
  });

  it('covers the evaluations: how often, how many tokens, and the memory of the largest pass', async () => {
    const given = { ...config('evaluated', 'lora-ct', { steps: 5, evaluateEvery: 2 }) };
    const plan = await planConfig({ ...given, data: { sequenceLength: 32, heldOut: 0.2 } }, { time: false });
    // after steps 2, 4 and 5, and once under the base
    expect(plan.evaluation).toMatchObject({ times: 4, window: 64, notes: [] });
    expect(plan.evaluation!.tokens).toBeGreaterThan(1000);
    expect(plan.evaluation!.passTokens).toBeLessThanOrEqual(2048);
    expect(plan.evaluation!.peakBytes!).toBeLessThan(plan.memory.heap!.limitBytes);
    expect((await planConfig(given, { time: false })).evaluation).toBeNull();
  });
});

describe('moect train', { timeout: 120_000 }, () => {
  const flags = (...more: string[]): string[] => {
    const texts = ['--text', world.at('swh_Latn.txt'), '--replay', world.at('eng_Latn.txt')];
    return ['train', '--base', world.at('base'), ...texts, '--tokens', '4000', ...more];
  };

  it('--plan prints the estimate and leaves nothing behind', async () => {
    const { code, stdout } = await runHere(flags('--plan', '--output', world.at('plan')));
    expect(code).toBe(0);
    for (const name of ['parameters', 'trained', 'steps', 'time', 'speed', 'wasm heap', 'memory', 'disk']) {
      expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
    }
    expect(stdout).toMatch(/\nfits\n$/);
    expect(existsSync(world.at('plan'))).toBe(false);
    const json = await runHere(flags('--plan', '--json'));
    expect(JSON.parse(json.stdout)).toMatchObject({
      problems: [],
      memory: { heap: { limitBytes: 4294901760 } },
    });
  });

  it('is refused with code 65 before it begins where a step is larger than WebAssembly', async () => {
    // JSON is YAML
    await writeFile(world.at('huge.yaml'), JSON.stringify(config('huge', 'ct', { batchSize: 30_000 })));
    const { code, stderr } = await runHere(['train', world.at('huge.yaml')]);
    expect(stderr).toMatch(
      /a step takes \d+\.\d\d GiB of WebAssembly memory, which has at most 4\.00 GiB[\s\S]*training\.batchSize: \d+/,
    );
    expect(code).toBe(65);
    expect(existsSync(world.at('huge/checkpoints'))).toBe(false);
  });
});

it('sizes and times read as people say them', () => {
  expect([gibibytes(3 * 2 ** 30), gibibytes(5 * 2 ** 20)]).toEqual(['3.00 GiB', '5.0 MiB']);
  expect([0.0123, 42.4, 600, 3723, 200_000].map(duration)).toEqual([
    '0.012 s',
    '42 s',
    '10 min',
    '1 h 2 min',
    '2 d 7 h',
  ]);
});
