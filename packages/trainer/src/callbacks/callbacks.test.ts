import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepMetrics } from '@moect/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { earlyStopping } from './early-stopping.ts';
import { eventLog } from './event-log.ts';
import { type ProgressStream, progressBar } from './progress-bar.ts';
import { formatCount, formatDuration } from './progress-line.ts';

function metrics(step: number, more: Partial<StepMetrics> = {}): StepMetrics {
  return {
    step,
    totalSteps: 100,
    loss: 2.5,
    auxLosses: {},
    gradientNorm: 0.5,
    learningRate: 0.001,
    tokens: 1000,
    tokensSeen: 1000 * step,
    tokensPerSecond: 2000,
    lossByLanguage: { eng_Latn: 2, swh_Latn: 3 },
    ...more,
  };
}

describe('progressBar', () => {
  function setup(isTTY: boolean): {
    text: () => string;
    stream: ProgressStream;
    tick: (ms: number) => number;
  } {
    const written: string[] = [];
    let clock = 0;
    const tick = (ms: number): number => {
      clock += ms;
      return clock;
    };
    const stream: ProgressStream = { isTTY, columns: 60, write: (text) => written.push(text) };
    return { text: () => written.join(''), stream, tick };
  }

  it('writes a plain line every few seconds where there is no terminal', () => {
    const { text, stream, tick } = setup(false);
    const callback = progressBar({ stream, everySeconds: 10, now: () => tick(0) });
    callback.onStart?.({ step: 0, totalSteps: 100, parameters: new Map() });
    for (let step = 1; step <= 100; step++) {
      tick(500);
      callback.onStep?.(metrics(step));
    }
    callback.onEnd?.('finished');
    const lines = text().trimEnd().split('\n');
    // after 0.5 s, then each 10 s of 50 s, then the last step, then the end
    expect(lines).toHaveLength(7);
    expect(lines[1]).toContain('step 21/100');
    expect(lines[1]).toContain('2.00k tok/s');
    expect(lines[1]).toContain('0:40 left');
    expect(lines.at(-1)).toBe('finished after 0:50');
    expect(text()).not.toContain('\u001b');
  });

  it('redraws one line that fits the terminal', () => {
    const { text, stream, tick } = setup(true);
    const callback = progressBar({ stream, now: () => tick(0) });
    callback.onStart?.({ step: 0, totalSteps: 100, parameters: new Map() });
    tick(500);
    callback.onStep?.(metrics(50));
    // what people wait for is not what a narrow terminal cuts
    expect(text()).toMatch(/\[#{10}-{10}\] \S+ left {2}step 50\/100/);
    const drawn = text().replaceAll('\r\u001b[K', '');
    expect(drawn.length).toBeLessThan(60);
    expect(drawn).not.toContain('\n');
  });

  it('formats numbers for people', () => {
    expect([5, 65, 3725, Number.NaN].map(formatDuration)).toEqual(['0:05', '1:05', '1:02:05', '?']);
    expect([12, 1500, 2_340_000].map(formatCount)).toEqual(['12', '1.50k', '2.34M']);
  });
});

describe('eventLog', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moect-events-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('appends events with the names of the Hugging Face Trainer', async () => {
    const file = join(folder, 'deeper', 'events.jsonl');
    for (const step of [0, 1]) {
      const log = eventLog(file);
      await log.onStart?.({ step, totalSteps: 2, parameters: new Map() });
      await log.onStep?.(metrics(step + 1, { auxLosses: { prior: 0.25 } }));
      await log.onEvaluate?.(step + 1, { loss: 1.5, eval_accuracy: 0.5 });
      await log.onEnd?.('finished');
    }
    const events = (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual([
      ...['start', 'step', 'evaluate', 'end'],
      ...['start', 'step', 'evaluate', 'end'],
    ]);
    expect(events[1]).toMatchObject({
      step: 1,
      loss: 2.5,
      grad_norm: 0.5,
      learning_rate: 0.001,
      num_input_tokens_seen: 1000,
      loss_by_language: { eng_Latn: 2, swh_Latn: 3 },
      aux_losses: { prior: 0.25 },
    });
    expect(events[2]).toMatchObject({ step: 1, eval_loss: 1.5, eval_accuracy: 0.5 });
  });

  it('cuts off a line that a crash left unfinished', async () => {
    const file = join(folder, 'events.jsonl');
    await appendFile(file, '{"event":"step","step":1}\n{"event":"st');
    const log = eventLog(file);
    await log.onStart?.({ step: 1, totalSteps: 2, parameters: new Map() });
    await log.onEnd?.('finished');
    const events = (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['step', 'start', 'end']);
  });
});

describe('earlyStopping', () => {
  it('stops after `patience` evaluations without improvement, also across a resume', () => {
    const first = earlyStopping({ metric: 'loss', patience: 2, minDelta: 0.1 });
    const evaluate = (callback: typeof first, loss: number): unknown => callback.onEvaluate?.(1, { loss });
    expect([3, 2, 1.95].map((loss) => evaluate(first, loss))).toEqual([undefined, undefined, undefined]);
    const second = earlyStopping({ metric: 'loss', patience: 2, minDelta: 0.1 });
    second.loadState?.(JSON.parse(JSON.stringify(first.saveState?.())));
    expect(evaluate(second, Number.NaN)).toBe('stop');
  });

  it('refuses a metric that the evaluation does not give', () => {
    const callback = earlyStopping({ metric: 'bleu' });
    expect(() => callback.onEvaluate?.(1, { loss: 1 })).toThrow(
      /no evaluation result 'bleu'. Available: loss/,
    );
  });
});
