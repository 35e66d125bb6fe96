import { abortOnSignals } from '@moect/trainer/node';
import { type Evaluation, evaluate } from '../../evaluation/evaluate.ts';
import { grouped } from '../../numbers.ts';
import { unlessInterrupted } from '../../unless-interrupted.ts';
import {
  type CacheOptions,
  cacheOf,
  parseTexts,
  type TextOptions,
  textSettingsOf,
  textsOf,
} from '../arguments.ts';
import { EXIT } from '../exit-codes.ts';
import { type Io, noteLines, table } from '../io.ts';
import { type ModelOptions, openModels, usageOf } from '../load-models.ts';
import { scoringProgress } from '../scoring-progress.ts';
import { planCommand } from './plan-scores.ts';

/** Options from the command line. */
export interface EvalCommandOptions extends ModelOptions, CacheOptions, TextOptions {
  readonly text: readonly string[];
  readonly old: readonly string[];
  readonly json?: boolean;
  readonly plan?: boolean;
}

function print({ name, languages }: Evaluation, io: Io): void {
  const rows = languages.map((row) => [
    row.language,
    row.role,
    row.bitsPerByte.toFixed(4),
    row.bytesPerToken.toFixed(2),
    grouped(row.documents),
    grouped(row.bytes),
  ]);
  io.out(table([[name, 'role', 'bits/byte', 'bytes/token', 'documents', 'bytes'], ...rows]));
}

/** Runs `moect eval`; gives the exit code. */
export async function evalCommand(options: EvalCommandOptions, io: Io): Promise<number> {
  const texts = textsOf(parseTexts(options.text, '--text'));
  const cache = cacheOf(options);
  const abort = abortOnSignals();
  const models = await openModels(options, io, abort.signal);
  if (models === null) return EXIT.interrupted;
  const progress = scoringProgress(io.progress);
  try {
    const { base, packs } = models;
    const { signal } = abort;
    const { old } = options;
    const data = textSettingsOf(options);
    if (options.plan === true) {
      return await planCommand(models, { texts, old, data, json: options.json === true }, io);
    }
    const evaluating = evaluate(base, texts, {
      packs,
      signal,
      old,
      onProgress: progress.update,
      onReady: ({ notes }) => io.err(noteLines(notes)),
      ...usageOf(options),
      ...(cache && { cache }),
      ...(data && { data }),
    });
    const evaluation = await unlessInterrupted(signal, evaluating);
    progress.end();
    if (evaluation === null) return EXIT.interrupted;
    io.err(noteLines(evaluation.notes));
    if (options.json === true) {
      const { identity, parameterCount, backend } = base;
      const json = {
        schema: 'moect-eval/1',
        model: evaluation.name,
        base: { ...identity, parameters: parameterCount },
        backend,
        window: evaluation.window,
        languages: evaluation.languages,
      };
      io.out(`${JSON.stringify(json, null, 2)}\n`);
    } else print(evaluation, io);
    return EXIT.ok;
  } finally {
    progress.end();
    models.dispose();
    abort.dispose();
  }
}
