import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CheckpointError, type Settings } from '@moect/core';
import { describeReading } from '@moect/data';
import type { BaseStorage } from '@moect/models';
import { progressBar } from '@moect/trainer';
import { abortOnSignals } from '@moect/trainer/node';
import { absoluteBase } from '../../base/locate-base.ts';
import { type OpenRun, openRun } from '../../config/open-run.ts';
import { type ConfigOverrides, type ConfigSource, configFrom, readConfig } from '../../config/read-config.ts';
import type { MoectConfig } from '../../config/schema.ts';
import { grouped, signedPercent } from '../../numbers.ts';
import { formatPlan } from '../../planning/format.ts';
import { planRun } from '../../planning/plan-run.ts';
import type { RunInfo } from '../../training/prepare-run.ts';
import { runTraining, type TrainedPack } from '../../training/run.ts';
import { type CommonOptions, cacheOf, parseTexts, type TextOptions, textSettingsOf } from '../arguments.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { fetchProgress } from '../fetch-progress.ts';
import { type Io, noteLines, table } from '../io.ts';

/** Options from the command line. */
export interface TrainCommandOptions extends CommonOptions, TextOptions {
  readonly base?: string;
  readonly baseId?: string;
  readonly baseStorage?: BaseStorage;
  readonly text: readonly string[];
  readonly language?: string;
  readonly replay: readonly string[];
  readonly replayLanguage?: string;
  readonly preset?: string;
  readonly method?: Settings;
  readonly tokens?: number;
  readonly output?: string;
  readonly cache?: string | false;
  readonly cacheBytes?: number;
  readonly recompute?: boolean;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly plan?: boolean;
}

const FILE_FLAGS = ['base', 'text', 'language', 'replay', 'replayLanguage'] as const;

const flagName = (key: string): string => `--${key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

function overridesOf(options: TrainCommandOptions): ConfigOverrides {
  const { baseId, baseStorage, preset, output, tokens, backend, threads } = options;
  const hasBackend = backend !== 'auto' || threads !== undefined;
  return {
    baseId,
    baseStorage,
    preset,
    method: options.method,
    tokens,
    parts: options.parts.length === 0 ? undefined : options.parts.map((file) => resolve(file)),
    cache: cacheOf(options),
    recompute: options.recompute,
    data: textSettingsOf(options),
    output: output === undefined ? undefined : resolve(output),
    backend: hasBackend ? { name: backend, ...(threads !== undefined && { threads }) } : undefined,
  };
}

function configOfFlags(options: TrainCommandOptions, base: string): MoectConfig {
  const { baseId, baseStorage, preset, tokens, output = 'run', backend, threads, recompute } = options;
  const cache = cacheOf(options);
  const data = textSettingsOf(options);
  const news = parseTexts(options.text, '--text', options.language);
  const olds = parseTexts(options.replay, '--replay', options.replayLanguage);
  return {
    base: absoluteBase(process.cwd(), base),
    ...(baseId !== undefined && { baseId }),
    ...(options.parts.length > 0 && { parts: options.parts.map((file) => resolve(file)) }),
    ...(baseStorage !== undefined && { baseStorage }),
    ...(preset !== undefined && { preset }),
    ...(options.method && { method: options.method }),
    languages: [
      ...news.map(({ code, files }) => ({ code, role: 'new' as const, files: [...files] })),
      ...olds.map(({ code, files }) => ({ code, role: 'old' as const, files: [...files] })),
    ],
    ...(cache !== undefined && { cache }),
    ...(data && { data }),
    training: { ...(tokens !== undefined && { tokens }), ...(recompute && { recompute }) },
    backend: { name: backend, ...(threads !== undefined && { threads }) },
    output: resolve(output),
  };
}

/** Lists that a configuration file may end up in, and what it is called there: a text may well be a .json file. */
const LIST_FLAGS = { parts: /\.(ya?ml|json)$/i, text: /\.ya?ml$/i, replay: /\.ya?ml$/i } as const;

/**
 * A flag that takes several values also takes a configuration file that stands behind them (`--parts a.mjs run.yaml`).
 * No module and no text has such a name. Throws UsageError for two configurations.
 */
function withConfigFile(
  argument: string | undefined,
  options: TrainCommandOptions,
): { readonly file: string | undefined; readonly options: TrainCommandOptions } {
  const flags = Object.entries(LIST_FLAGS) as [keyof typeof LIST_FLAGS, RegExp][];
  const lists = flags.map(([flag, isConfig]) => [
    flag,
    options[flag].filter((value) => !isConfig.test(value)),
  ]);
  const taken = flags.flatMap(([flag, isConfig]) => options[flag].filter((value) => isConfig.test(value)));
  const [file, second] = [...(argument === undefined ? [] : [argument]), ...taken];
  if (second === undefined) return { file, options: { ...options, ...Object.fromEntries(lists) } };
  throw new UsageError(`${file} and ${second} are two configuration files.`, 'Give one.');
}

async function sourceOf(file: string | undefined, options: TrainCommandOptions): Promise<ConfigSource> {
  const given = FILE_FLAGS.filter((key) => options[key] !== undefined && options[key]?.length !== 0);
  if (file !== undefined) {
    if (given.length === 0) return readConfig(file, overridesOf(options), options.resume);
    throw new UsageError(
      `${given.map(flagName).join(', ')} cannot stand beside a configuration file.`,
      `Put it into ${file}, or leave the file out.`,
    );
  }
  if (options.base !== undefined && options.text.length > 0) {
    return configFrom(configOfFlags(options, options.base), process.cwd(), 'Command line', options.resume);
  }
  if (options.resume === true && given.length === 0) {
    const folder = resolve(options.output ?? 'run');
    const resolved = join(folder, 'resolved.json');
    if (existsSync(resolved)) return readConfig(resolved, { ...overridesOf(options), output: folder }, true);
    throw new CheckpointError(folder, 'holds no run', 'Give the folder of a run with --output.');
  }
  throw new UsageError(
    'Nothing to train on.',
    'Give a configuration file, or --base and --text. See moect train --help.',
  );
}

function printInfo(
  { run, backend, languages, trainableParameters, baseParameters, notes, frame }: RunInfo,
  output: string,
  io: Io,
): void {
  const { training, data, replay } = run;
  const share = Math.round((100 * trainableParameters) / baseParameters);
  const lines = [
    `backend: ${backend.detail}`,
    `base: ${run.baseIdentity.id}, ${grouped(baseParameters)} parameters, frozen`,
    `method: ${run.preset}, ${grouped(trainableParameters)} trainable parameters (${share} % of the base)`,
    ...languages.map(
      (l) =>
        `${l.role}: ${l.code}, ${grouped(l.documents)} documents, ${grouped(l.tokens)} tokens, ` +
        `${l.bytesPerToken.toFixed(2)} bytes a token, ${grouped(l.heldOutDocuments)} documents held out`,
    ),
    `texts: ${frame}`,
    `training: ${grouped(training.steps)} steps of ${training.batchSize * training.accumulation} × ` +
      `${data.sequenceLength} tokens, ${Math.round(100 * replay.share)} % replay, ` +
      `learning rate ${training.learningRate} (${training.schedule}), into ${output}`,
  ];
  io.err(`${noteLines(notes)}${lines.join('\n')}\n`);
}

function heldOutFiles({ input, output }: OpenRun): string {
  if (input.evaluation === undefined) return `${join(output, 'held-out')}/*.jsonl`;
  return input.evaluation.flatMap(({ code, files = [] }) => files.map((file) => `${code}=${file}`)).join(' ');
}

function printOutcome(open: OpenRun, { training, heldOut, folder, warnings }: TrainedPack, io: Io): void {
  if (heldOut !== null) {
    const rows = heldOut.map(({ code, role, before, after }) => {
      return [code, role, before.toFixed(4), after.toFixed(4), signedPercent(after / before - 1)];
    });
    const { combine } = training.run;
    io.out(table([['bits per byte, held-out', 'role', 'base', combine, 'change'], ...rows]));
  }
  if (warnings.length > 0) io.err('The extension is complete; compare, as below, makes the evaluation.\n');
  io.out(`extension: ${folder}\n`);
  const texts = heldOut === null ? 'CODE=FILE' : heldOutFiles(open);
  const parts = open.parts.map((file) => ` --parts ${file}`).join('');
  const models = `--base ${open.base.place} --extension ${folder}${parts}`;
  io.err(`next: moect compare ${models} --text ${texts}\n      moect generate ${models} --prompt "…"\n`);
}

function outcomeJson(
  { output }: OpenRun,
  { result, heldOut, folder, training, warnings }: TrainedPack,
): string {
  const { reason, step, tokensSeen, checkpoint } = result;
  const { trainableParameters } = training;
  const json = {
    reason,
    step,
    tokensSeen,
    trainableParameters,
    output,
    extensionFolder: folder,
    checkpoint,
    heldOut,
    warnings,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Runs `moect train --plan`: an impossible plan gives the exit code of a wrong configuration. */
async function planCommand({ base, input, output }: OpenRun, json: boolean, io: Io): Promise<number> {
  const { notes = [], reading = [] } = input;
  io.err(noteLines([...notes, ...reading.flatMap(describeReading)]));
  const plan = await planRun(base, input, { output });
  io.out(json ? `${JSON.stringify(plan, null, 2)}\n` : formatPlan(plan));
  return plan.problems.length === 0 ? EXIT.ok : EXIT.badData;
}

async function runCommand(open: OpenRun, options: TrainCommandOptions, io: Io): Promise<number> {
  const { base, input, output, asked } = open;
  const abort = abortOnSignals();
  try {
    const hooks = {
      output,
      resume: options.resume === true,
      signal: abort.signal,
      callbacks: [progressBar({ stream: io.progress })],
      onReady: (info: RunInfo) => printInfo(info, output, io),
      onWarning: (message: string) => io.err(`warning: ${message}\n`),
    };
    const pack = await runTraining(base, input, hooks, asked);
    pack.dispose();
    if (options.json === true) io.out(outcomeJson(open, pack));
    if (pack.result.reason === 'interrupted') {
      io.err(`Interrupted after step ${pack.result.step}, state saved.\n`);
      if (pack.folder !== null) io.err(`The extension is complete: ${pack.folder}\n`);
      io.err(`next: moect train --output ${output} --resume\n`);
      return EXIT.interrupted;
    }
    if (options.json !== true) printOutcome(open, pack, io);
    return EXIT.ok;
  } finally {
    abort.dispose();
  }
}

/** Runs `moect train`; gives the exit code. */
export async function trainCommand(
  argument: string | undefined,
  given: TrainCommandOptions,
  io: Io,
): Promise<number> {
  const { file, options } = withConfigFile(argument, given);
  const source = await sourceOf(file, options);
  const open = await openRun(source, { onProgress: fetchProgress(io, source.config.base) });
  try {
    if (options.plan === true) return await planCommand(open, options.json === true, io);
    return await runCommand(open, options, io);
  } finally {
    open.base.dispose();
  }
}
