import { abortOnSignals } from '@moect/trainer/node';
import { createCombinedScorer } from '../../evaluation/combined-scorer.ts';
import { evaluateText, type LanguageResult } from '../../evaluation/evaluate-text.ts';
import { readTexts } from '../../evaluation/read-texts.ts';
import { unlessInterrupted } from '../../unless-interrupted.ts';
import { type CacheOptions, parseTexts } from '../arguments.ts';
import { EXIT } from '../exit-codes.ts';
import { grouped, type Io, table } from '../io.ts';
import { loadModels, type ModelOptions, openCache } from '../load-models.ts';

/** What the command line gave. */
export interface EvalCommandOptions extends ModelOptions, CacheOptions {
  readonly text: readonly string[];
  readonly json?: boolean;
}

function print(results: readonly LanguageResult[], name: string, io: Io): void {
  const rows = results.map((row) => [
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
  const wanted = parseTexts(options.text, '--text');
  const abort = abortOnSignals();
  const models = await loadModels(options);
  const hiddenStates = await openCache(options, models);
  try {
    const { base, extensions, backend } = models;
    const texts = await readTexts(wanted, extensions);
    const scorer = createCombinedScorer({
      base,
      extensions,
      signal: abort.signal,
      ...(hiddenStates && { hiddenStates }),
      ...(options.combine && { combine: options.combine }),
    });
    const results = await unlessInterrupted(abort.signal, evaluateText(scorer, texts));
    if (results === null) return EXIT.interrupted;
    if (options.json === true) {
      const { identity, parameterCount } = base;
      const json = {
        schema: 'moect-eval/1',
        model: scorer.name,
        base: { ...identity, parameters: parameterCount },
        backend,
        languages: results,
      };
      io.out(`${JSON.stringify(json, null, 2)}\n`);
    } else print(results, scorer.name, io);
    return EXIT.ok;
  } finally {
    await hiddenStates?.close();
    models.dispose();
    abort.dispose();
  }
}
