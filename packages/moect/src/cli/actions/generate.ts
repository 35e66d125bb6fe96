import { abortOnSignals } from '@moect/trainer/node';
import { generateText } from '../../evaluation/generate-text.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { loadModels, type ModelOptions } from '../load-models.ts';

/** What the command line gave. */
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
  const models = await loadModels(options);
  try {
    const { base, extensions } = models;
    const { prompt, combine, language, maxNewTokens, temperature, topP, seed } = options;
    const isJson = options.json === true;
    if (!isJson) io.out(prompt);
    const made = await generateText({
      base,
      extensions,
      prompt,
      maxNewTokens,
      temperature,
      topP,
      seed,
      signal: abort.signal,
      ...(combine && { combine }),
      ...(language !== undefined && { language }),
      ...(!isJson && { onText: (text: string) => io.out(text) }),
    });
    io.out(isJson ? `${JSON.stringify({ prompt, ...made }, null, 2)}\n` : '\n');
    return made.finishReason === 'aborted' ? EXIT.interrupted : EXIT.ok;
  } finally {
    models.dispose();
    abort.dispose();
  }
}
