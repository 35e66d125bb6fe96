import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { stringify } from 'yaml';
import { readRecord } from '../platform/run-folder.ts';
import { canonicalConfig } from './canonical-languages.ts';
import { asEarlierRun, isEarlierRun } from './earlier-runs.ts';
import { fileProblems } from './file-problems.ts';
import { problemAt, type SettingsOrigin } from './key-path.ts';
import { meaningProblems } from './meaning-problems.ts';
import { isRecordOfRun, withMovedPlaces } from './record-places.ts';
import { type CheckedConfig, configSchema, type MoectConfig } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';
import { parseYaml } from './yaml-source.ts';

/** A configuration that passed every check, and its origin. */
export interface ConfigSource extends SettingsOrigin {
  readonly config: CheckedConfig;
  /** As given. */
  readonly text: string;
  /** Its value, with what flags changed. */
  readonly value: unknown;
  /** Folder of relative paths. */
  readonly folder: string;
  /** Choices made for the user, for example the script of a language. */
  readonly notes?: readonly string[];
}

/** The record of the run that a configuration describes, if it has begun. */
async function recordBeside(value: unknown, folder: string): Promise<unknown> {
  const { output = 'run' } = (value ?? {}) as { readonly output?: unknown };
  return typeof output === 'string' ? readRecord(resolve(folder, output)) : null;
}

const MOVED =
  'If they were moved, say where they are: --base FOLDER, --text CODE=FILE, --replay CODE=FILE beside --resume; the ' +
  'checkpoint proves that base and text are the same.';

const FROM_MEMORY =
  'A program made this run with texts from memory: resume it there, or give the same texts as files: ' +
  '--text CODE=FILE, --replay CODE=FILE.';

/** What to do about the problems of a run's record; other configurations say it problem by problem. */
function hintFor(value: unknown, isMissing: boolean): string {
  if (!isRecordOfRun(value)) return '';
  const { languages } = value as { readonly languages?: unknown };
  const lackFiles = Array.isArray(languages) && languages.some((language) => language?.files === undefined);
  if (lackFiles) return FROM_MEMORY;
  return isMissing ? MOVED : '';
}

/** Checks schema, meaning and files together, in the order of the file. Throws InvalidConfigError. */
async function check(
  given: unknown,
  source: Omit<ConfigSource, 'config' | 'value'>,
  resume: boolean,
): Promise<ConfigSource> {
  const moved = withMovedPlaces(given, source.folder);
  const isEarlier = isEarlierRun(moved) || (resume && isEarlierRun(await recordBeside(moved, source.folder)));
  const canonical = canonicalConfig(isEarlier ? asEarlierRun(moved) : moved, isEarlier);
  const { value, problems: codes, notes } = canonical;
  const parsed = configSchema.safeParse(value);
  const missing = await fileProblems(value, source.folder);
  const more = [...codes, ...meaningProblems(value), ...missing];
  const problems = [
    ...(parsed.success ? [] : schemaProblems({ error: parsed.error, schema: configSchema, value }, source)),
    ...more.map(({ path, message }) => problemAt(source, path, message)),
  ];
  if (!parsed.success || problems.length > 0) {
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw new InvalidConfigError(source.name, problems, hintFor(value, missing.length > 0));
  }
  return { ...source, value, config: parsed.data as CheckedConfig, notes };
}

/** Values that override those of a file. */
export interface ConfigOverrides {
  readonly baseId?: string | undefined;
  readonly baseStorage?: MoectConfig['baseStorage'] | undefined;
  readonly parts?: MoectConfig['parts'] | undefined;
  readonly preset?: string | undefined;
  readonly packSize?: MoectConfig['packSize'] | undefined;
  readonly ngrams?: boolean | undefined;
  /** New settings, or a function of those in the file. */
  readonly method?:
    | MoectConfig['method']
    | ((before: MoectConfig['method']) => MoectConfig['method'])
    | undefined;
  readonly output?: string | undefined;
  readonly backend?: MoectConfig['backend'] | undefined;
  readonly cache?: Partial<NonNullable<MoectConfig['cache']>> | undefined;
  readonly training?: MoectConfig['training'] | undefined;
  readonly data?: MoectConfig['data'] | undefined;
  readonly base?: string | undefined;
  /** Files of languages that the file names, and further languages. */
  readonly languages?: MoectConfig['languages'] | undefined;
}

type Language = MoectConfig['languages'][number];

/** New files for the languages that are there, and the others behind them. */
function withFiles(before: unknown, given: readonly Language[]): unknown {
  if (!Array.isArray(before)) return given;
  const codes = before.map((language) => (language as Partial<Language> | null)?.code);
  return [
    ...before.map((language, i) => {
      const found = given.find(({ code }) => code === codes[i]);
      return found === undefined ? language : { ...language, files: found.files };
    }),
    ...given.filter(({ code }) => !codes.includes(code)),
  ];
}

/** Groups of settings that flags change one by one. */
const GROUPS = ['backend', 'cache', 'training', 'data'] as const;

/** Each says how long a run is: a new one replaces them all. */
const LENGTHS = ['steps', 'tokens', 'epochs'];

function withOverrides(value: unknown, { languages, ...overrides }: ConfigOverrides): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const given = Object.entries(overrides).filter(([, override]) => override !== undefined);
  const changed: Record<string, unknown> = { ...value, ...Object.fromEntries(given) };
  for (const group of GROUPS) {
    const override = overrides[group];
    if (override === undefined) continue;
    // cache: false is a whole choice
    if (override === false) continue;
    const before = { ...((value as Record<string, unknown>)[group] as object | undefined) };
    const hasLength = group === 'training' && LENGTHS.some((key) => key in override);
    if (hasLength) for (const key of LENGTHS) Reflect.deleteProperty(before, key);
    changed[group] = { ...before, ...override };
  }
  const { method } = overrides;
  if (typeof method === 'function') changed['method'] = method((value as Partial<MoectConfig>).method);
  if (languages !== undefined) changed['languages'] = withFiles(changed['languages'], languages);
  return changed;
}

/** Checks a configuration in YAML. Relative paths in it are relative to `folder`. Throws InvalidConfigError. */
export async function parseConfig(
  text: string,
  folder: string,
  options: { readonly name?: string; readonly overrides?: ConfigOverrides; readonly resume?: boolean } = {},
): Promise<ConfigSource> {
  const { name = 'Configuration', overrides = {}, resume = false } = options;
  const { value, lineOf } = parseYaml(text, name);
  return check(withOverrides(value, overrides), { name, text, folder: resolve(folder), lineOf }, resume);
}

/**
 * Reads and checks a configuration file; paths in it are relative to its folder.
 * @param resume the run that it describes goes on, by the rules that it began with
 * Throws InvalidConfigError.
 */
export async function readConfig(
  path: string,
  overrides: ConfigOverrides = {},
  resume = false,
): Promise<ConfigSource> {
  return parseConfig(await readFile(path, 'utf8'), dirname(resolve(path)), { name: path, overrides, resume });
}

/** Checks a configuration made by a program. Relative paths are relative to `folder`. Throws InvalidConfigError. */
export async function configFrom(
  config: MoectConfig,
  folder: string,
  name = 'Configuration',
  resume = false,
): Promise<ConfigSource> {
  const text = stringify(config, { aliasDuplicateObjects: false });
  return check(config, { name, text, folder: resolve(folder), lineOf: () => undefined }, resume);
}
