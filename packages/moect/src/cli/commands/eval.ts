import { abortOnSignals } from '@moect/trainer/node';
import type { Command } from 'commander';
import { createCombinedScorer } from '../../evaluation/combined-scorer.ts';
import { evaluateText, type LanguageResult } from '../../evaluation/evaluate-text.ts';
import { readTexts } from '../../evaluation/read-texts.ts';
import { unlessInterrupted } from '../../unless-interrupted.ts';
import { addCommonOptions, addModelOptions, parseTexts } from '../arguments.ts';
import { EXIT } from '../exit-codes.ts';
import { grouped, type Io, table } from '../io.ts';
import { loadModels, type ModelOptions } from '../load-models.ts';

interface EvalCommandOptions extends ModelOptions {
  readonly text: readonly string[];
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ moect eval --base ./base --text swh_Latn=swahili.txt eng_Latn=english.jsonl
  $ moect eval --base ./base --extension run/extension --text run/held-out/*.jsonl --json
  $ moect eval --base ./base --extension swahili --extension yoruba --combine mixture --text yor_Latn.txt

Bits per byte compare models with different tokenizers; lower is better. Each document is scored alone, every token
once. A file named after its language (swh_Latn.jsonl) needs no code.
`;

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

async function evalCommand(options: EvalCommandOptions, io: Io): Promise<number> {
  const wanted = parseTexts(options.text, '--text');
  const abort = abortOnSignals();
  const models = await loadModels(options);
  try {
    const { base, extensions, backend } = models;
    const texts = await readTexts(wanted, extensions);
    const scorer = createCombinedScorer({
      base,
      extensions,
      signal: abort.signal,
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
    models.dispose();
    abort.dispose();
  }
}

/** `moect eval` */
export function addEval(program: Command, io: Io, done: (code: number) => void): void {
  const command = program
    .command('eval')
    .summary('bits per byte of text')
    .description('Scores text under a base, with or without extensions.');
  addModelOptions(command)
    .requiredOption('--text <[code=]file...>', 'text to score; several at once or one after the other')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (options: EvalCommandOptions) => {
      done(await evalCommand(options, io));
    });
  addCommonOptions(command);
}
