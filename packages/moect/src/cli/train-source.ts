import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CheckpointError, InvalidConfigError, type Settings } from '@moect/core';
import type { BaseStorage } from '@moect/models';
import { absoluteBase } from '../base/locate-base.ts';
import { type ConfigOverrides, type ConfigSource, configFrom, readConfig } from '../config/read-config.ts';
import type { MoectConfig } from '../config/schema.ts';
import { recordFile } from '../platform/run-folder.ts';
import { type CommonOptions, cacheOf, parseTexts, type TextOptions, textSettingsOf } from './arguments.ts';
import { UsageError } from './exit-codes.ts';

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
  readonly layers?: Settings[string];
  readonly expertSize?: number;
  readonly packSize?: number;
  readonly budget?: string;
  readonly ngrams?: false;
  readonly sequenceLength?: number;
  readonly batchSize?: number;
  readonly accumulation?: number;
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

const hasKeys = (value: object): boolean => Object.keys(value).length > 0;

/** What the flags say, and nothing of what they leave open: a file or a run's record has the rest. */
function settingsOf(options: TrainCommandOptions): Omit<ConfigOverrides, 'languages' | 'output' | 'method'> {
  const { backend, threads, cache, cacheBytes, sequenceLength, batchSize, accumulation, tokens } = options;
  const groups = {
    cache: { ...(cache && { folder: resolve(cache) }), ...(cacheBytes && { maxBytes: cacheBytes }) },
    backend: { ...(backend && { name: backend }), ...(threads && { threads }) },
    training: {
      ...(batchSize && { batchSize }),
      ...(accumulation && { accumulation }),
      ...(tokens && { tokens }),
      ...(options.budget && { budget: options.budget }),
      ...(options.recompute && { recompute: true }),
    },
    data: { ...textSettingsOf(options), ...(sequenceLength && { sequenceLength }) },
  };
  return {
    baseId: options.baseId,
    baseStorage: options.baseStorage,
    preset: options.preset,
    packSize: options.packSize,
    // without the flag the preset decides
    ngrams: options.ngrams === false ? false : undefined,
    parts: options.parts.length === 0 ? undefined : options.parts.map((file) => resolve(file)),
    ...Object.fromEntries(Object.entries(groups).filter(([, group]) => hasKeys(group))),
    // a bound beside it is refused
    ...(cache === false && { cache: cacheOf(options) }),
  };
}

/** `--method` replaces the settings of the file; the flags of single settings change just them. */
function methodOf({ method, layers, expertSize }: TrainCommandOptions, before: Settings = {}): Settings {
  const settings = method ?? before;
  const expert = settings['expert'];
  return {
    ...settings,
    ...(layers !== undefined && { layers }),
    ...(expertSize !== undefined && {
      // copies of the base have its width; an expert of another width adds to the base, and begins with nothing
      expert: {
        init: 'zero-down',
        ...(typeof expert === 'object' && expert !== null && expert),
        size: expertSize,
      },
    }),
  };
}

function languagesOf(options: TrainCommandOptions): MoectConfig['languages'] {
  const news = parseTexts(options.text, '--text', options.language);
  const olds = parseTexts(options.replay, '--replay', options.replayLanguage);
  return [
    ...news.map(({ code, files }) => ({ code, role: 'new' as const, files: [...files] })),
    ...olds.map(({ code, files }) => ({ code, role: 'old' as const, files: [...files] })),
  ];
}

/** A configuration file with what the flags change. */
async function fromFile(file: string, options: TrainCommandOptions): Promise<ConfigSource> {
  const overrides = { ...settingsOf(options), output: options.output && resolve(options.output) };
  const { method, layers, expertSize } = options;
  const changesMethod = method !== undefined || layers !== undefined || expertSize !== undefined;
  try {
    return await readConfig(
      file,
      {
        ...overrides,
        ...(changesMethod && { method: (before) => methodOf(options, before) }),
      },
      options.resume,
    );
  } catch (error) {
    const lacksCache =
      error instanceof InvalidConfigError &&
      error.problems.some(({ path }) => /^cache(\.folder)?$/.test(path));
    // a bound alone is right where the file names the folder
    if (lacksCache) cacheOf(options);
    throw error;
  }
}

/** A run that goes on, from the record in its folder; base and texts may have moved. */
async function fromRecord(
  record: string,
  folder: string,
  options: TrainCommandOptions,
): Promise<ConfigSource> {
  const languages = languagesOf(options);
  return readConfig(
    record,
    {
      ...settingsOf(options),
      ...(options.base !== undefined && { base: absoluteBase(process.cwd(), options.base) }),
      ...(languages.length > 0 && { languages }),
      method: (before) => methodOf(options, before),
      output: folder,
    },
    true,
  );
}

function fromFlags(options: TrainCommandOptions, base: string): Promise<ConfigSource> {
  // a cache needs a folder, and refuses a bound alone
  cacheOf(options);
  const given = Object.entries(settingsOf(options)).filter(([, value]) => value !== undefined);
  const method = methodOf(options);
  const config = {
    base: absoluteBase(process.cwd(), base),
    languages: languagesOf(options),
    ...Object.fromEntries(given),
    ...(hasKeys(method) && { method }),
    output: resolve(options.output ?? 'run'),
  };
  return configFrom(config as MoectConfig, process.cwd(), 'Command line');
}

/** Lists that a configuration file may end up in, and what it is called there: a text may well be a .json file. */
const LIST_FLAGS = { parts: /\.(ya?ml|json)$/i, text: /\.ya?ml$/i, replay: /\.ya?ml$/i } as const;

/**
 * A flag that takes several values also takes a configuration file that stands behind them (`--parts a.mjs run.yaml`).
 * No module and no text has such a name. Throws UsageError for two configurations.
 */
export function withConfigFile(
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

/** The configuration that a command line asks for. Throws UsageError, InvalidConfigError and CheckpointError. */
export async function sourceOf(
  file: string | undefined,
  options: TrainCommandOptions,
): Promise<ConfigSource> {
  const given = FILE_FLAGS.filter((key) => options[key] !== undefined && options[key]?.length !== 0);
  if (file !== undefined) {
    if (given.length === 0) return fromFile(file, options);
    throw new UsageError(
      `${given.map(flagName).join(', ')} cannot stand beside a configuration file.`,
      `Put it into ${file}, or leave the file out.`,
    );
  }
  const folder = resolve(options.output ?? 'run');
  const record = recordFile(folder);
  if (options.resume === true && existsSync(record)) return fromRecord(record, folder, options);
  if (options.base !== undefined && options.text.length > 0) return fromFlags(options, options.base);
  if (options.resume === true && given.length === 0) {
    throw new CheckpointError(folder, 'holds no run', 'Give the folder of a run with --output.');
  }
  throw new UsageError(
    'Nothing to train on.',
    'Give a configuration file, or --base and --text. See moect train --help.',
  );
}
