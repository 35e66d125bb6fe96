import { abortOnSignals } from '@moect/trainer/node';
import { generate } from '../../evaluation/generate.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { type ModelOptions, openModels, usageOf } from '../load-models.ts';

/** Options from the command line. */
export interface GenerateCommandOptions extends ModelOptions {
  readonly prompt: string;
  readonly language?: string;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly stop: readonly string[];
  readonly seed: number;
  readonly json?: boolean;
}

/** Runs `moect generate`; gives the exit code. */
export async function generateCommand(options: GenerateCommandOptions, io: Io): Promise<number> {
  const abort = abortOnSignals();
  const models = await openModels(options, io, abort.signal);
  if (models === null) return EXIT.interrupted;
  try {
    const { base, packs } = models;
    const { prompt, language, maxNewTokens, temperature, topK, topP, minP, seed } = options;
    const { repetitionPenalty, stop } = options;
    const isJson = options.json === true;
    const pieces = generate(base, {
      packs,
      prompt,
      maxNewTokens,
      temperature,
      topK,
      topP,
      minP,
      repetitionPenalty,
      stop,
      seed,
      signal: abort.signal,
      ...usageOf(options),
      ...(language !== undefined && { language }),
    });
    let next = await pieces.next();
    // the prompt comes once the first piece is there: after every check
    if (!isJson) io.out(prompt);
    for (; next.done !== true; next = await pieces.next()) if (!isJson) io.out(next.value);
    io.out(isJson ? `${JSON.stringify({ prompt, ...next.value }, null, 2)}\n` : '\n');
    return next.value.finishReason === 'aborted' ? EXIT.interrupted : EXIT.ok;
  } finally {
    models.dispose();
    abort.dispose();
  }
}
