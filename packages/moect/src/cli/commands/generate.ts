import type { Command } from 'commander';
import type { GenerateCommandOptions } from '../actions/generate.ts';
import {
  addCommonOptions,
  addModelOptions,
  collect,
  nonNegative,
  positiveInteger,
  positiveNumber,
  probability,
  share,
  wholeNumber,
} from '../arguments.ts';
import type { Io } from '../io.ts';

const EXAMPLES = `
Examples:
  $ moect generate --base ./base --prompt "Once upon a time"
  $ moect generate --base ./base --extension run/extension --prompt "Watu wote" --temperature 0.8 --seed 7
  $ moect generate --base ./base --prompt "Q: Where?\nA:" --stop "Q:" --temperature 0.7 --min-p 0.05
  $ moect generate --base ./base --extension swahili --extension yoruba --combine mixture --prompt "Gbogbo"
  $ moect generate --base ./base --extension swahili --combine known --language swh_Latn --prompt "Watu"
  $ moect generate --base ./instruct --chat --prompt "What is the capital of Kenya?" --system "Be brief."

The text comes as it is made, prompt first; with --chat the answer alone. The same seed gives the same text.
`;

/** `moect generate` */
export function addGenerate(program: Command, io: Io, done: (code: number) => void): void {
  const command = program
    .command('generate')
    .summary('continue a text')
    .description('Continues a prompt with a base and any number of extensions.');
  addModelOptions(command)
    .requiredOption('--prompt <text>', 'what to continue')
    .option(
      '--chat',
      "the prompt is a user's message, laid out by the base's chat template; prints the answer",
    )
    .option('--system <text>', 'system message of the conversation, with --chat')
    .option('--language <code>', 'language of the text, for --combine known')
    .option('--max-new-tokens <n>', 'tokens to add', positiveInteger, 64)
    .option('--temperature <t>', '0 takes the likeliest token, 1 samples from the model', nonNegative, 0)
    .option('--top-k <k>', 'sample from the k likeliest tokens; 0 is all', wholeNumber, 0)
    .option('--top-p <p>', 'sample from the likeliest tokens that reach this probability', probability, 1)
    .option('--min-p <p>', 'sample from tokens at least this share as likely as the likeliest', share, 0)
    .option('--repetition-penalty <x>', 'above 1 repeats less; 1 is off', positiveNumber, 1)
    .option('--stop <text>', 'end before this text; may be given several times', collect, [])
    .option('--seed <n>', 'of the random numbers', wholeNumber, 0)
    .option('--json', 'print one JSON object instead of the text')
    .addHelpText('after', EXAMPLES)
    .action(async (options: GenerateCommandOptions) => {
      const { generateCommand } = await import('../actions/generate.ts');
      done(await generateCommand(options, io));
    });
  addCommonOptions(command);
}
