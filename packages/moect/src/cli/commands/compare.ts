import type { Command } from 'commander';
import type { CompareCommandOptions } from '../actions/compare.ts';
import {
  addCacheOptions,
  addCommonOptions,
  addModelOptions,
  addTextOptions,
  percentage,
  positiveInteger,
} from '../arguments.ts';
import type { Io } from '../io.ts';

const EXAMPLES = `
Examples:
  $ moect compare --base ./base --extension run/extension --text run/held-out/*.jsonl
  $ moect compare --base ./base --extension gated --extension pack \\
      --text swh_Latn=new.jsonl eng_Latn=old.jsonl --max-forgetting 0.5% --output results

Roles come from the extensions: languages they were trained on are new, replayed ones old, all others unseen; --old
names further old ones. Intervals are paired bootstraps over documents. Writes report.json and report.html.
With --max-forgetting the exit code is 1 unless every old language is shown to lose less than that; replayed languages
without text, and single documents, show nothing and are refused.
`;

/** `moect compare` */
export function addCompare(program: Command, io: Io, done: (code: number) => void): void {
  const command = program
    .command('compare')
    .summary('what extensions won and what they forgot')
    .description('Compares a base with extensions of it: retention, gain and transfer with intervals.');
  addModelOptions(command)
    .requiredOption('--text <[code=]file...>', 'held-out text; several at once or one after the other')
    .option('--old <code...>', 'languages that the base knows, beside those that were replayed', [])
    .option('--max-forgetting <percent>', "bound for every old language, such as '0.5%'", percentage)
    .option('--output <folder>', 'where report.json and report.html go', '.')
    .option('--resamples <n>', 'draws of the bootstrap', positiveInteger, 2000)
    .option('--json', 'print the report as JSON instead of the table')
    .option('--plan', 'print memory and time that scoring will take, and score nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (options: CompareCommandOptions) => {
      const { compareCommand } = await import('../actions/compare.ts');
      done(await compareCommand(options, io));
    });
  addTextOptions(command);
  addCacheOptions(command);
  addCommonOptions(command);
}
