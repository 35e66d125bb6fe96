import { resolve } from 'node:path';
import type { ReadReport } from '@moect/data';
import type { Base, OpenBaseOptions } from '../base/base.ts';
import { absoluteBase } from '../base/locate-base.ts';
import { openBase } from '../base/open-base.ts';
import { loadParts } from '../parts/load-parts.ts';
import { createMoect } from '../parts/moect.ts';
import type { EvaluationLanguage, RunInput } from '../training/run-input.ts';
import type { Recorded } from '../training/run-record.ts';
import { textSettings } from '../training/text-settings.ts';
import { readTexts } from '../training/texts.ts';
import type { ConfigSource } from './read-config.ts';
import { repeatableText } from './repeatable-text.ts';
import type { CheckedConfig } from './schema.ts';

/** A configuration with its base opened and its text read. Dispose the base. */
export interface OpenRun {
  readonly base: Base;
  readonly input: RunInput;
  /** Absolute folder of the run. */
  readonly output: string;
  /** Absolute paths of modules with parts. */
  readonly parts: readonly string[];
  /** Text for the run's record. */
  readonly asked: Pick<Recorded, 'text' | 'asked'>;
}

async function readLanguages<Role extends EvaluationLanguage['role']>(
  languages: readonly { readonly code: string; readonly role: Role; readonly files: readonly string[] }[],
  { config, folder }: ConfigSource,
  base: Base,
  reading: ReadReport[],
): Promise<(EvaluationLanguage & { readonly role: Role })[]> {
  const read: (EvaluationLanguage & { readonly role: Role })[] = [];
  for (const language of languages) {
    const files = language.files.map((file) => resolve(folder, file));
    const text = await readTexts(language, { files }, textSettings(config.data), base.platform);
    reading.push(...text.reports);
    read.push({ ...language, files, documents: text.documents });
  }
  return read;
}

/** A configuration that a run of moect 0.1 resolved keeps the rule that it was resolved by. */
function dataOf({ data, resolved }: CheckedConfig): CheckedConfig['data'] {
  if (resolved === undefined || data.prefixToken !== undefined) return data;
  return { ...data, prefixToken: 'moect-0.1' };
}

async function inputOf(source: ConfigSource, base: Base): Promise<RunInput> {
  const { config, folder, name, lineOf } = source;
  const { preset, method, packSize, ngrams, training, extension, cache, replay, evaluation, backend } =
    config;
  const reading: ReadReport[] = [];
  return {
    settings: {
      ...(preset !== undefined && { preset }),
      method,
      data: dataOf(config),
      training,
      extension,
      ...(packSize !== undefined && { packSize }),
      ...(ngrams !== undefined && { ngrams }),
      ...(cache !== undefined && {
        cache: cache && { ...cache, folder: resolve(folder, cache.folder) },
      }),
    },
    languages: await readLanguages(config.languages, source, base, reading),
    replayShare: replay?.share,
    evaluation: evaluation && (await readLanguages(evaluation.languages, source, base, reading)),
    gpuMemoryBytes: backend.gpuMemoryBytes,
    origin: { name, lineOf },
    reading,
    notes: source.notes,
  };
}

const partsOf = ({ parts = [] }: CheckedConfig, folder: string): string[] =>
  (typeof parts === 'string' ? [parts] : parts).map((file) => resolve(folder, file));

/**
 * Starts the backend, opens the base and reads the text that a configuration names.
 * Throws InvalidConfigError, BackendUnavailableError, CorruptDataError.
 */
export async function openRun(
  source: ConfigSource,
  opening: Pick<OpenBaseOptions, 'signal' | 'onProgress'> = {},
): Promise<OpenRun> {
  const { config, folder } = source;
  const parts = partsOf(config, folder);
  const moect = createMoect(...(await loadParts(parts)));
  const { name, threads } = config.backend;
  const base = await openBase(absoluteBase(folder, config.base), {
    ...opening,
    ...(config.baseId !== undefined && { id: config.baseId }),
    storage: config.baseStorage,
    backend: name,
    moect,
    ...(threads !== undefined && { threads }),
  });
  try {
    const input = await inputOf(source, base);
    const backend = { name, ...(threads !== undefined && { threads }) };
    const output = resolve(folder, config.output);
    const asked = { parts, backend, baseId: config.baseId };
    return { base, input, output, parts, asked: { text: repeatableText(source, output), asked } };
  } catch (error) {
    base.dispose();
    throw error;
  }
}
