import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Callback, Json, StepMetrics } from '@moect/core';

export interface EventLogOptions {
  /** Steps between `step` events; the last step always gets one. Default 1. */
  readonly every?: number;
}

type Event = Readonly<Record<string, unknown>>;

const CHUNK = 65_536;

/** Length of the file up to its last newline: a line that was cut short by a crash is no event. */
async function wholeLines(handle: FileHandle): Promise<number> {
  let end = (await handle.stat()).size;
  while (end > 0) {
    const begin = Math.max(0, end - CHUNK);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - begin), 0, end - begin, begin);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (newline >= 0) return begin + newline + 1;
    end = begin;
  }
  return 0;
}

async function openForAppending(file: string): Promise<FileHandle> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a+');
  await handle.truncate(await wholeLines(handle));
  return handle;
}

/** JSON has no NaN; the text keeps it visible where null would hide it. */
function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function stepEvent(metrics: StepMetrics): Event {
  return {
    event: 'step',
    step: metrics.step,
    loss: metrics.loss,
    grad_norm: metrics.gradientNorm,
    learning_rate: metrics.learningRate,
    num_input_tokens_seen: metrics.tokensSeen,
    train_tokens_per_second: Math.round(metrics.tokensPerSecond),
    loss_by_language: metrics.lossByLanguage,
    ...(Object.keys(metrics.auxLosses).length > 0 && { aux_losses: metrics.auxLosses }),
  };
}

function evaluationEvent(step: number, results: Readonly<Record<string, number>>): Event {
  const named = Object.entries(results).map(([name, value]) => [
    name.startsWith('eval_') ? name : `eval_${name}`,
    value,
  ]);
  return { event: 'evaluate', step, ...Object.fromEntries(named) };
}

/**
 * Appends what happens to a file, one JSON object a line (JSON Lines), with the names of Hugging Face's Trainer
 * (`loss`, `grad_norm`, `learning_rate`, `eval_*`). Events: start, step, statistics, evaluate, checkpoint, end.
 * Each line is with the operating system before training goes on, and on the disk at every checkpoint.
 * After a resume, steps after that of the newest `start` event were taken back and come again.
 */
export function eventLog(file: string, options: EventLogOptions = {}): Callback {
  const { every = 1 } = options;
  let handle: FileHandle | undefined;
  const append = async (event: Event): Promise<void> => {
    const line = JSON.stringify({ ...event, time: new Date().toISOString() }, finite);
    await handle?.appendFile(`${line}\n`);
  };
  return {
    contract: 'callback/1',
    name: 'event-log',
    async onStart({ step, totalSteps, parameters }) {
      handle = await openForAppending(file);
      const sizes = [...parameters.values()].map(({ size }) => size);
      await append({
        event: 'start',
        step,
        max_steps: totalSteps,
        trainable_parameters: sizes.reduce((a, b) => a + b, 0),
      });
    },
    async onStep(metrics) {
      const { step, totalSteps } = metrics;
      if (step % every === 0 || step === totalSteps) await append(stepEvent(metrics));
    },
    onStatistics: (step, sites) => append({ event: 'statistics', step, sites: sites as unknown as Json }),
    onEvaluate: (step, results) => append(evaluationEvent(step, results)),
    async onCheckpoint(step, folder) {
      await append({ event: 'checkpoint', step, folder });
      await handle?.datasync();
    },
    async onEnd(reason) {
      await append({ event: 'end', reason });
      await handle?.datasync();
      await handle?.close();
      handle = undefined;
    },
  };
}
