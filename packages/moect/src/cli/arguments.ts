import { basename, resolve } from 'node:path';
import type { Settings } from '@moect/core';
import { BACKEND_NAMES, type BackendName } from '@moect/tensor';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parse } from 'yaml';
import type { TextFiles } from '../training/texts-shape.ts';
import { UsageError } from './exit-codes.ts';

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a whole number from 0.');
}

export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number from 0.');
}

/** From 0 to 1. */
export function share(text: string): number {
  const value = nonNegative(text);
  if (value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

export function positiveNumber(text: string): number {
  const value = nonNegative(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** Above 0, at most 1. */
export function probability(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be above 0 and at most 1.');
}

/** `0.5%` → 0.005. The sign is required, because 0.5 alone is ambiguous. */
export function percentage(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  if (match !== null) return Number(match[1]) / 100;
  throw new InvalidArgumentError("It must be a percentage such as '0.5%'.");
}

/** Settings of a method as YAML, a superset of JSON. */
export function methodSettings(text: string): Settings {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`It is no YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Settings;
  throw new InvalidArgumentError("It must be settings by name, such as '{ numExperts: 4 }'.");
}

/** Layers with experts: `all`, `top:4`, `every:2`, or numbers such as `20,22,24`. */
export function layerChoice(text: string): Settings[string] {
  if (text === 'all') return text;
  const counted = /^(top|every):([1-9]\d*)$/.exec(text);
  if (counted !== null) return { [counted[1]!]: Number(counted[2]) };
  if (/^\d+(,\d+)*$/.test(text)) return text.split(',').map(Number);
  throw new InvalidArgumentError("It must be all, top:4, every:2, or layer numbers such as '20,22,24'.");
}

/** For options that may be repeated. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

export interface CommonOptions {
  /** Default: auto. */
  readonly backend?: 'auto' | BackendName;
  readonly threads?: number;
  /** Modules with parts of one's own. */
  readonly parts: readonly string[];
  readonly verbose?: boolean;
}

/** Options that every command has. */
export function addCommonOptions(command: Command): Command {
  return command
    .addOption(
      // no default here: a run's own file may name another
      new Option('--backend <name>', 'where to compute (default: auto)').choices(['auto', ...BACKEND_NAMES]),
    )
    .option('--threads <n>', 'threads (default: all cores)', positiveInteger)
    .option(
      '--parts <module...>',
      'modules that export routers, experts, fusions, methods, … of your own as `parts`',
      [],
    )
    .option('--verbose', 'print the stack of an error');
}

/** Storage of the base in memory. */
export function baseStorageOption(): Option {
  return new Option(
    '--base-storage <type>',
    "the base's matrices in memory: file as in its file, bfloat16 half of float32, int8 a quarter (default: file)",
  ).choices(['file', 'float32', 'bfloat16', 'int8']);
}

export interface TextOptions {
  readonly format?: 'lines' | 'blocks' | 'whole' | 'jsonl';
  readonly textField?: string;
  readonly invalidUtf8?: 'error' | 'replace' | 'skip-document';
  readonly normalization?: 'NFC' | 'none';
}

/** Options of the commands that read text. */
export function addTextOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--format <format>',
        'what a document of plain text is: a line, what stands between blank lines, or the file (default: lines; ' +
          'with extensions: as they were trained); .jsonl holds a record a line, jsonl says so of other names',
      ).choices(['lines', 'blocks', 'whole', 'jsonl']),
    )
    .option(
      '--text-field <name>',
      'JSONL field with the text (default: text; with extensions also the one that they were trained on)',
    )
    .addOption(
      new Option('--invalid-utf8 <policy>', 'broken UTF-8 and NUL bytes (default: error)').choices([
        'error',
        'replace',
        'skip-document',
      ]),
    )
    .addOption(
      new Option(
        '--normalization <form>',
        'Unicode form of the text (default: NFC; with extensions: as they were trained)',
      ).choices(['NFC', 'none']),
    );
}

/** The text options that were given; none if no one was. */
export function textSettingsOf({
  format,
  textField,
  invalidUtf8,
  normalization,
}: TextOptions): TextOptions | undefined {
  const given = {
    ...(format !== undefined && { format }),
    ...(textField !== undefined && { textField }),
    ...(invalidUtf8 !== undefined && { invalidUtf8 }),
    ...(normalization !== undefined && { normalization }),
  };
  return Object.keys(given).length === 0 ? undefined : given;
}

/** Explains `--base`. */
export const BASE_HELP =
  'folder with config.json, safetensors weights and tokenizer.json, a GGUF file, or org/name[@revision] of the hub';

/** Options of the commands that use a base with extensions. */
export function addModelOptions(command: Command): Command {
  return command
    .requiredOption('--base <model>', BASE_HELP)
    .addOption(baseStorageOption())
    .option('--extension <folder...>', 'extensions of this base; several at once or one after the other', [])
    .option(
      '--combine <how>',
      'known: by language; mixture: by how well each predicts the text; gate: inside the layers; or a ' +
        'combination of your own (default: what the extension was made for)',
    )
    .option(
      '--gate-threshold <p>',
      'gates above this weight of the base count as 1; 1 is off (default: as trained)',
      probability,
    );
}

export interface CacheOptions {
  readonly cache?: string;
  readonly cacheBytes?: number;
}

/** `train` keeps states by itself, unless it is told not to. */
export interface TrainCacheOptions {
  readonly cache?: string | false;
  readonly cacheBytes?: number;
}

/** Options of the commands that can begin above the frozen layers. */
export function addCacheOptions(command: Command): Command {
  return command
    .option('--cache <folder>', 'keep what the frozen layers below the extension make of the text (bf16)')
    .option('--cache-bytes <n>', 'most bytes in that folder (default: 16 GiB)', positiveInteger);
}

interface CacheFolder {
  readonly folder: string;
  readonly maxBytes?: number;
}

/** Throws UsageError. */
export function cacheOf(options: CacheOptions): CacheFolder | undefined;
export function cacheOf(options: TrainCacheOptions): CacheFolder | false | undefined;
export function cacheOf({ cache, cacheBytes }: TrainCacheOptions): CacheFolder | false | undefined {
  if (typeof cache === 'string')
    return { folder: resolve(cache), ...(cacheBytes !== undefined && { maxBytes: cacheBytes }) };
  if (cacheBytes === undefined) return cache;
  throw new UsageError('--cache-bytes bounds a cache, and there is none.', 'Give its folder with --cache.');
}

export interface TextArgument {
  readonly code: string;
  readonly files: readonly string[];
}

/** `swh_Latn.jsonl`, `sw.txt.gz`, `zho_Hant_TW.jsonl`. */
const CODE_IN_NAME = /^([a-z]{2,3}(?:[_-][A-Z][a-z]{3})?(?:[_-](?:[A-Z]{2}|[a-z0-9]{4,8}))*)\./;

/**
 * Reads `CODE=FILE`, or `FILE` if the file is named after its language (`swh_Latn.jsonl`). Files of one language are
 * collected. Throws UsageError.
 */
export function parseTexts(given: readonly string[], flag: string, fallback?: string): TextArgument[] {
  const files = new Map<string, string[]>();
  for (const text of given) {
    const match = /^([A-Za-z][\w-]*)=(.+)$/s.exec(text);
    const file = match?.[2] ?? text;
    const code = match?.[1] ?? fallback ?? CODE_IN_NAME.exec(basename(file))?.[1];
    if (code === undefined) {
      throw new UsageError(
        `The language of ${file} is not known.`,
        `Write ${flag} CODE=${file}, for example ${flag} swh_Latn=${file}.`,
      );
    }
    files.set(code, [...(files.get(code) ?? []), resolve(file)]);
  }
  return [...files].map(([code, list]) => ({ code, files: list }));
}

/** Texts in files, by language. */
export function textsOf(given: readonly TextArgument[]): Record<string, TextFiles> {
  return Object.fromEntries(given.map(({ code, files }) => [code, { files }]));
}
