import { abortOnSignals } from '@moect/trainer/node';
import { generate } from '../../evaluation/generate.ts';
import { promptFor } from '../../evaluation/prompt.ts';
import { EXIT } from '../exit-codes.ts';
import { type Io, noteLines } from '../io.ts';
import { type ModelOptions, openModels, usageOf } from '../load-models.ts';

/** Options from the command line. */
export interface GenerateCommandOptions extends ModelOptions {
  readonly prompt: string;
  readonly language?: string;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** Runs `moect generate`; gives the exit code. */
export async function generateCommand(options: GenerateCommandOptions, io: Io): Promise<number> {
  const abort = abortOnSignals();
  const models = await openModels(options);
  try {
    const { base, packs } = models;
    const { prompt, language, maxNewTokens, temperature, topP, seed } = options;
    const isJson = options.json === true;
    io.err(noteLines(promptFor({ prompt, packs, ...(language !== undefined && { language }) }).notes));
    const pieces = generate(base, {
      packs,
      prompt,
      maxNewTokens,
      temperature,
      topP,
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
