import type { Command } from 'commander';
import type { EvalCommandOptions } from '../actions/eval.ts';
import { addCacheOptions, addCommonOptions, addModelOptions, addTextOptions } from '../arguments.ts';
import type { Io } from '../io.ts';

const EXAMPLES = `
Examples:
  $ moect eval --base ./base --text swh_Latn=swahili.txt eng_Latn=english.jsonl
  $ moect eval --base ./base --extension run/extension --text run/held-out/*.jsonl --json
  $ moect eval --base ./base --extension swahili --extension yoruba --combine mixture --text yor_Latn.txt

Bits per byte compare models with different tokenizers; lower is better. Each document is scored alone, every token
once. A file named after its language (swh_Latn.jsonl) needs no code.
`;

/** `moect eval` */
export function addEval(program: Command, io: Io, done: (code: number) => void): void {
  const command = program
    .command('eval')
    .summary('bits per byte of text')
    .description('Scores text under a base, with or without extensions.');
  addModelOptions(command)
    .requiredOption('--text <[code=]file...>', 'text to score; several at once or one after the other')
    .option('--old <code...>', 'languages that the base knows, beside those that were replayed', [])
    .option('--json', 'print one JSON object')
    .option('--plan', 'print memory and time that scoring will take, and score nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (options: EvalCommandOptions) => {
      const { evalCommand } = await import('../actions/eval.ts');
      done(await evalCommand(options, io));
    });
  addTextOptions(command);
  addCacheOptions(command);
  addCommonOptions(command);
}
