import type { Command } from 'commander';
import {
  addCacheOptions,
  addCommonOptions,
  addTextOptions,
  BASE_HELP,
  baseStorageOption,
  layerChoice,
  methodSettings,
  percentage,
  positiveInteger,
} from '../arguments.ts';
import type { Io } from '../io.ts';
import type { TrainCommandOptions } from '../train-source.ts';

const EXAMPLES = `
Examples:
  Teach a base Swahili, without old-language text (an always-on pack behind a mixture):
    $ moect train --base ./base --text swh_Latn=swahili.txt

  With English text to replay (the guarded gate), for 120,000 tokens:
    $ moect train --base ./base --text swahili.txt --language swh_Latn \\
        --replay english.txt --replay-language eng_Latn --tokens 120000 --output runs/swahili

  Only say what it will take (time, memory, disk), from a few steps that change nothing:
    $ moect train moect.yaml --plan

  With a router of your own (examples/custom-router):
    $ moect train --base ./base --text swh_Latn=swahili.txt --parts ./parts.mjs \\
        --method '{ router: { type: cosine } }'

  From a configuration file, and on after an interruption:
    $ moect train moect.yaml
    $ moect train moect.yaml --resume
    $ moect train --output runs/swahili --resume
  Less memory: fewer layers with smaller experts, on shorter sequences:
    $ moect train moect.yaml --layers top:4 --expert-size 256 --sequence-length 256

  Books, a paragraph a document, and records with the text in a field of their own:
    $ moect train --base ./base --text swh_Latn=book.txt swh_Latn=news.jsonl --format blocks --text-field content

Text is .txt (a document a line) or .jsonl ({"text": …}), also with .gz. Ctrl-C, kill, a closed
terminal and SIGUSR1 (Slurm: --signal=USR1@60) save the state and end with code 130; --resume goes on, also after run
folder, base and texts were moved: give --base, --text or --replay where they are no longer found. A run whose steps cannot fit into the 4 GiB of WebAssembly, into the buffers of the GPU or into
backend.gpuMemoryBytes is refused with code 65. Each run leaves config.yaml, resolved.json, held-out/, events.jsonl, checkpoints/ and extension/.
`;

/** `moect train` */
export function addTrain(program: Command, io: Io, done: (code: number) => void): void {
  const command = program
    .command('train')
    .summary('teach a base new languages')
    .description('Trains an extension of a frozen base on text of new languages.')
    .argument('[config]', 'configuration file (YAML)')
    .option('--base <model>', BASE_HELP)
    .option(
      '--base-id <org/name>',
      "the base's name on the hub, for the model card (default: what --base tells)",
    )
    .addOption(baseStorageOption())
    .option('--text <[code=]file...>', 'text of a new language; several at once or one after the other', [])
    .option('--language <code>', 'language of the --text files without a code, for example swh_Latn')
    .option(
      '--replay <[code=]file...>',
      'text of an old language; several at once or one after the other',
      [],
    )
    .option('--replay-language <code>', 'language of the --replay files without a code')
    .option(
      '--preset <name>',
      'moe-ct, moe-ct-mixture, moe-ct-paper, ct, ct-replay or lora-ct (default: moe-ct with replay text, else moe-ct-mixture)',
    )
    .option(
      '--method <settings>',
      "what differs from the preset's method, as YAML: '{ layers: { top: 4 }, router: { type: mine } }'",
      methodSettings,
    )
    .option('--layers <which>', 'layers that get experts: all, top:4, every:2 or numbers', layerChoice)
    .option(
      '--expert-size <n>',
      "width of an expert, which then begins at zero (default: the preset's)",
      positiveInteger,
    )
    .option(
      '--pack-size <share>',
      "numbers of the pack, for example 5%: of the base's parameters (default: 10% for bases from 20 million parameters, " +
        "else the preset's)",
      percentage,
    )
    .option('--no-ngrams', 'count no n-grams of the new text, where the preset does')
    .option(
      '--sequence-length <n>',
      "tokens in a sequence (default: the base's context, at most 512)",
      positiveInteger,
    )
    .option('--batch-size <n>', 'sequences at once (default: about 2,048 tokens)', positiveInteger)
    .option('--accumulation <n>', 'batches in one optimizer step', positiveInteger)
    .option('--tokens <n>', 'tokens to train on, replay included (default: 4 epochs)', positiveInteger)
    .option('--budget <time>', 'most time that the run takes, for example 30min: fewer tokens')
    .option('--recompute', 'less memory for more time: layers run again on the way back')
    .option('--output <folder>', 'folder of the run (default: run)')
    .option('--resume', 'go on from the newest checkpoint of the output folder')
    .option('--plan', 'print time, memory and disk that the run will take, and train nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: TrainCommandOptions) => {
      const { trainCommand } = await import('../actions/train.ts');
      done(await trainCommand(file, options, io));
    });
  addTextOptions(command);
  // after --cache, so that neither is the default
  addCacheOptions(command).option('--no-cache', 'keep no hidden states, where the run would by itself');
  addCommonOptions(command);
}
