import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeJsonAtomic } from '@moect/safetensors/node';
import { BASE_CONFIG, PRETRAINING } from './base-recipe.ts';

interface StepEvent {
  readonly event: string;
  readonly step: number;
  readonly loss: number;
  readonly num_input_tokens_seen: number;
  readonly loss_by_language: Readonly<Record<string, number>>;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Recipe and loss curve of a pretraining run: means over a hundred steps, nats a token. */
export async function writeTrainingReport(runFolder: string, file: string): Promise<void> {
  const lines = (await readFile(path.join(runFolder, 'events.jsonl'), 'utf8')).trim().split('\n');
  const events = lines.map((line) => JSON.parse(line) as StepEvent).filter(({ event }) => event === 'step');
  // in the log, only the steps between the last checkpoint and a crash occur twice
  const steps = [...new Map(events.map((event) => [event.step, event])).values()];
  const curve = [];
  for (let i = 0; i < steps.length; i += 100) {
    const part = steps.slice(i, i + 100);
    const { step, num_input_tokens_seen } = part[part.length - 1]!;
    const languages = Object.values(PRETRAINING.files).map((code) => {
      const losses = part.flatMap(({ loss_by_language }) => loss_by_language[code] ?? []);
      return [code, Number(mean(losses).toFixed(4))];
    });
    curve.push({
      step,
      tokens: num_input_tokens_seen,
      loss: Number(mean(part.map(({ loss }) => loss)).toFixed(4)),
      lossByLanguage: Object.fromEntries(languages),
    });
  }
  const last = steps[steps.length - 1]!;
  await writeJsonAtomic(file, {
    recipe: PRETRAINING,
    config: BASE_CONFIG,
    steps: last.step,
    tokens: last.num_input_tokens_seen,
    curve,
  });
}
