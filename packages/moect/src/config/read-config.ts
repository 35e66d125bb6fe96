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
import { type CheckedConfig, configSchema, type MoectConfig } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';
import { parseYaml } from './yaml-source.ts';

/** A configuration that passed every check, and its origin. */
export interface ConfigSource extends SettingsOrigin {
  readonly config: CheckedConfig;
  /** As given. */
  readonly text: string;
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

/** Checks schema, meaning and files together, in the order of the file. Throws InvalidConfigError. */
async function check(
  given: unknown,
  source: Omit<ConfigSource, 'config'>,
  resume: boolean,
): Promise<ConfigSource> {
  const isEarlier = isEarlierRun(given) || (resume && isEarlierRun(await recordBeside(given, source.folder)));
  const canonical = canonicalConfig(isEarlier ? asEarlierRun(given) : given, isEarlier);
  const { value, problems: codes, notes } = canonical;
  const parsed = configSchema.safeParse(value);
  const more = [...codes, ...meaningProblems(value), ...(await fileProblems(value, source.folder))];
  const problems = [
    ...(parsed.success ? [] : schemaProblems({ error: parsed.error, schema: configSchema, value }, source)),
    ...more.map(({ path, message }) => problemAt(source, path, message)),
  ];
  if (!parsed.success || problems.length > 0) {
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw new InvalidConfigError(source.name, problems);
  }
  return { ...source, config: parsed.data as CheckedConfig, notes };
}

/** Values that override those of a file. */
export interface ConfigOverrides {
  readonly baseId?: string | undefined;
  readonly baseStorage?: MoectConfig['baseStorage'] | undefined;
  readonly parts?: MoectConfig['parts'] | undefined;
  readonly preset?: string | undefined;
  readonly method?: MoectConfig['method'] | undefined;
  readonly output?: string | undefined;
  readonly backend?: MoectConfig['backend'] | undefined;
  readonly tokens?: number | undefined;
  readonly cache?: MoectConfig['cache'] | undefined;
  readonly recompute?: boolean | undefined;
  /** Settings of the text, each by itself. */
  readonly data?: MoectConfig['data'] | undefined;
}

function withOverrides(value: unknown, { tokens, recompute, ...overrides }: ConfigOverrides): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const given = Object.entries(overrides).filter(([, override]) => override !== undefined);
  const merged: Record<string, unknown> = { ...value, ...Object.fromEntries(given) };
  if (overrides.data !== undefined) {
    merged['data'] = { ...(value as Partial<MoectConfig>).data, ...overrides.data };
  }
  if (overrides.backend !== undefined) {
    merged['backend'] = { ...(value as Partial<MoectConfig>).backend, ...overrides.backend };
  }
  if (tokens !== undefined) {
    const {
      steps: _steps,
      epochs: _epochs,
      ...training
    } = (merged['training'] ?? {}) as MoectConfig['training'] & object;
    merged['training'] = { ...training, tokens };
  }
  if (recompute !== undefined) merged['training'] = { ...(merged['training'] ?? {}), recompute };
  return merged;
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
