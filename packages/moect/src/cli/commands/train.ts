import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CheckpointError } from '@moect/core';
import { progressBar } from '@moect/trainer';
import { abortOnSignals } from '@moect/trainer/node';
import type { Command } from 'commander';
import type { MoectConfig } from '../../config/moect-config.ts';
import { type ConfigOverrides, type ConfigSource, configFrom, readConfig } from '../../config/read-config.ts';
import { type RunInfo, runTraining, type TrainingOutcome } from '../../training/run-training.ts';
import { addCommonOptions, type CommonOptions, collect, parseTexts, positiveInteger } from '../arguments.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { grouped, type Io, signedPercent, table } from '../io.ts';

interface TrainCommandOptions extends CommonOptions {
  readonly base?: string;
  readonly text: readonly string[];
  readonly language?: string;
  readonly replay: readonly string[];
  readonly replayLanguage?: string;
  readonly preset?: string;
  readonly tokens?: number;
  readonly output?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  Teach a base Swahili, without old-language text (an always-on pack behind a mixture):
    $ moect train --base ./base --text swh_Latn=swahili.txt

  With English text to replay (the guarded gate), for 120,000 tokens:
    $ moect train --base ./base --text swahili.txt --language swh_Latn \\
        --replay english.txt --replay-language eng_Latn --tokens 120000 --output runs/swahili

  From a configuration file, and on after an interruption:
    $ moect train moect.yaml
    $ moect train moect.yaml --resume
    $ moect train --output runs/swahili --resume

Text is .txt (a document a line) or .jsonl ({"text": …}), also with .gz. Ctrl-C saves the state and ends with
code 130. Each run leaves config.yaml, resolved.json, held-out/, events.jsonl, checkpoints/ and extension/.
`;

const FILE_FLAGS = ['base', 'text', 'language', 'replay', 'replayLanguage'] as const;

const flagName = (key: string): string => `--${key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

function overridesOf(options: TrainCommandOptions): ConfigOverrides {
  const { preset, output, tokens, backend, threads } = options;
  const hasBackend = backend !== 'auto' || threads !== undefined;
  return {
    preset,
    tokens,
    output: output === undefined ? undefined : resolve(output),
    backend: hasBackend ? { name: backend, ...(threads !== undefined && { threads }) } : undefined,
  };
}

function configOfFlags(options: TrainCommandOptions, base: string): MoectConfig {
  const { preset, tokens, output = 'run', backend, threads } = options;
  const news = parseTexts(options.text, '--text', options.language);
  const olds = parseTexts(options.replay, '--replay', options.replayLanguage);
  return {
    base: resolve(base),
    ...(preset !== undefined && { preset }),
    languages: [
      ...news.map(({ code, files }) => ({ code, role: 'new' as const, files: [...files] })),
      ...olds.map(({ code, files }) => ({ code, role: 'old' as const, files: [...files] })),
    ],
    ...(tokens !== undefined && { training: { tokens } }),
    backend: { name: backend, ...(threads !== undefined && { threads }) },
    output: resolve(output),
  };
}

async function sourceOf(file: string | undefined, options: TrainCommandOptions): Promise<ConfigSource> {
  const given = FILE_FLAGS.filter((key) => options[key] !== undefined && options[key]?.length !== 0);
  if (file !== undefined) {
    if (given.length === 0) return readConfig(file, overridesOf(options));
    throw new UsageError(
      `${given.map(flagName).join(', ')} cannot stand beside a configuration file.`,
      `Put it into ${file}, or leave the file out.`,
    );
  }
  if (options.base !== undefined && options.text.length > 0) {
    return configFrom(configOfFlags(options, options.base), process.cwd(), 'Command line');
  }
  if (options.resume === true && given.length === 0) {
    const folder = resolve(options.output ?? 'run');
    const resolved = join(folder, 'resolved.json');
    if (existsSync(resolved)) return readConfig(resolved, { ...overridesOf(options), output: folder });
    throw new CheckpointError(folder, 'holds no run', 'Give the folder of a run with --output.');
  }
  throw new UsageError(
    'Nothing to train on.',
    'Give a configuration file, or --base and --text. See moect train --help.',
  );
}

function printInfo(
  { run, backend, languages, trainableParameters, baseParameters, notes }: RunInfo,
  io: Io,
): void {
  const { training, data, replay } = run;
  const share = Math.round((100 * trainableParameters) / baseParameters);
  const lines = [
    ...notes.map((note) => `note: ${note}`),
    `backend: ${backend.detail}`,
    `base: ${run.baseIdentity.id}, ${grouped(baseParameters)} parameters, frozen`,
    `method: ${run.preset}, ${grouped(trainableParameters)} trainable parameters (${share} % of the base)`,
    ...languages.map(
      (l) =>
        `${l.role}: ${l.code}, ${grouped(l.documents)} documents, ${grouped(l.tokens)} tokens, ` +
        `${l.bytesPerToken.toFixed(2)} bytes a token, ${grouped(l.heldOutDocuments)} documents held out`,
    ),
    `training: ${grouped(training.steps)} steps of ${training.batchSize * training.accumulation} × ` +
      `${data.sequenceLength} tokens, ${Math.round(100 * replay.share)} % replay, ` +
      `learning rate ${training.learningRate} (${training.schedule}), into ${run.output}`,
  ];
  io.err(`${lines.join('\n')}\n`);
}

function printOutcome({ run, heldOut, extensionFolder }: TrainingOutcome, io: Io): void {
  if (heldOut !== null) {
    const rows = heldOut.map(({ code, role, before, after }) => {
      return [code, role, before.toFixed(4), after.toFixed(4), signedPercent(after / before - 1)];
    });
    io.out(table([['bits per byte, held-out', 'role', 'base', run.combine, 'change'], ...rows]));
  }
  io.out(`extension: ${extensionFolder}\n`);
  const texts = heldOut === null ? '--text CODE=FILE' : `--text ${join(run.output, 'held-out')}/*.jsonl`;
  io.err(
    `next: moect compare --base ${run.base} --extension ${extensionFolder} ${texts}\n` +
      `      moect generate --base ${run.base} --extension ${extensionFolder} --prompt "…"\n`,
  );
}

function outcomeJson(outcome: TrainingOutcome): string {
  const { run, result, heldOut, extensionFolder, trainableParameters } = outcome;
  const { reason, step, tokensSeen, checkpoint } = result;
  const json = {
    reason,
    step,
    tokensSeen,
    trainableParameters,
    output: run.output,
    extensionFolder,
    checkpoint,
    heldOut,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

async function trainCommand(file: string | undefined, options: TrainCommandOptions, io: Io): Promise<number> {
  const source = await sourceOf(file, options);
  const abort = abortOnSignals();
  try {
    const outcome = await runTraining(source, {
      resume: options.resume === true,
      signal: abort.signal,
      callbacks: [progressBar({ stream: io.progress })],
      onReady: (info) => printInfo(info, io),
    });
    if (options.json === true) io.out(outcomeJson(outcome));
    if (outcome.result.reason === 'interrupted') {
      const { output } = outcome.run;
      io.err(`Interrupted after step ${outcome.result.step}, state saved.\n`);
      io.err(`next: moect train --output ${output} --resume\n`);
      return EXIT.interrupted;
    }
    if (options.json !== true) printOutcome(outcome, io);
    return EXIT.ok;
  } finally {
    abort.dispose();
  }
}

/** `moect train` */
export function addTrain(program: Command, io: Io, done: (code: number) => void): void {
  const command = program
    .command('train')
    .summary('teach a base new languages')
    .description('Trains an extension of a frozen base on text of new languages.')
    .argument('[config]', 'configuration file (YAML)')
    .option('--base <folder>', 'base model: config.json, safetensors weights, tokenizer.json')
    .option('--text <[code=]file>', 'text of a new language; may be given several times', collect, [])
    .option('--language <code>', 'language of the --text files without a code, for example swh_Latn')
    .option('--replay <[code=]file>', 'text of an old language; may be given several times', collect, [])
    .option('--replay-language <code>', 'language of the --replay files without a code')
    .option(
      '--preset <name>',
      'moe-ct, moe-ct-mixture, moe-ct-paper, ct, ct-replay or lora-ct (default: moe-ct with replay text, else moe-ct-mixture)',
    )
    .option('--tokens <n>', 'tokens to train on, replay included (default: 4 epochs)', positiveInteger)
    .option('--output <folder>', 'folder of the run (default: run)')
    .option('--resume', 'go on from the newest checkpoint of the output folder')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: TrainCommandOptions) => {
      done(await trainCommand(file, options, io));
    });
  addCommonOptions(command);
}
