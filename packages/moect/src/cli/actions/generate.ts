import { abortOnSignals } from '@moect/trainer/node';
import type { Base } from '../../base/base.ts';
import { type GenerateOptions, generate } from '../../evaluation/generate.ts';
import { promptFor } from '../../evaluation/prompt.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { type Io, noteLines } from '../io.ts';
import { type ModelOptions, openModels, usageOf } from '../load-models.ts';

/** Options from the command line. */
export interface GenerateCommandOptions extends ModelOptions {
  readonly prompt: string;
  readonly chat?: boolean;
  readonly system?: string;
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

/** The prompt as a text, or as what a user says. Throws UsageError. */
function promptOf({
  prompt,
  chat,
  system,
}: GenerateCommandOptions): Pick<GenerateOptions, 'prompt' | 'messages'> {
  if (chat === true) {
    const asked = { role: 'user', content: prompt };
    return { messages: system === undefined ? [asked] : [{ role: 'system', content: system }, asked] };
  }
  if (system === undefined) return { prompt };
  throw new UsageError('--system is a message of a conversation.', 'Give --chat with it.');
}

/** Who writes control tokens by hand wants a conversation. */
function noteControlNames({ tokenizer }: Base, { prompt, chat }: GenerateCommandOptions, io: Io): void {
  const places = tokenizer.countControlNames?.(prompt) ?? 0;
  if (places === 0) return;
  const hint = chat === true ? '' : '; --chat lays out a conversation';
  io.err(`note: the prompt names control tokens in ${places} place(s); they are read as text${hint}\n`);
}

/** Runs `moect generate`; gives the exit code. */
export async function generateCommand(options: GenerateCommandOptions, io: Io): Promise<number> {
  const asked = promptOf(options);
  const abort = abortOnSignals();
  const models = await openModels(options, io, abort.signal);
  if (models === null) return EXIT.interrupted;
  try {
    const { base, packs } = models;
    const { prompt, chat, language, maxNewTokens, temperature, topK, topP, minP, seed } = options;
    const { repetitionPenalty, stop } = options;
    const isJson = options.json === true;
    io.err(noteLines(promptFor({ ...asked, packs, ...(language !== undefined && { language }) }).notes));
    const pieces = generate(base, {
      packs,
      ...asked,
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
    noteControlNames(base, options, io);
    // the prompt comes once the first piece is there: after every check
    if (!isJson && chat !== true) io.out(prompt);
    for (; next.done !== true; next = await pieces.next()) if (!isJson) io.out(next.value);
    io.out(isJson ? `${JSON.stringify({ prompt, ...next.value }, null, 2)}\n` : '\n');
    return next.value.finishReason === 'aborted' ? EXIT.interrupted : EXIT.ok;
  } finally {
    models.dispose();
    abort.dispose();
  }
}
