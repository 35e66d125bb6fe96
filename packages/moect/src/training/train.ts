import { InvalidConfigError } from '@moect/core';
import type { Base } from '../base/base.ts';
import { type KeyPath, problemAt } from '../config/key-path.ts';
import { meaningProblems } from '../config/meaning-problems.ts';
import { type CheckedSettings, type RunSettings, runSchema } from '../config/schema.ts';
import { schemaProblems } from '../config/schema-problems.ts';
import { type RunHooks, runTraining, type TrainedPack } from './run.ts';
import type { EvaluationLanguage, LanguageDocuments, RunInput } from './run-input.ts';
import { readTexts, type Texts } from './texts.ts';

/** Texts by language code, for example `swh_Latn`. */
export type TextsByLanguage = Readonly<Record<string, Texts>>;

/** Settings of a run in a program: those of a configuration file, and text from any source. */
export interface TrainOptions extends RunSettings, RunHooks {
  /** Texts of the new languages. */
  readonly languages: TextsByLanguage;
  /** Text of languages that the base knows, mixed in as replay. */
  readonly replay?: TextsByLanguage;
  /** Share of the sequences in old languages. Default: that of the preset, or more if the new text is scarce. */
  readonly replayShare?: number;
  /** Frequency of a language among its role. Default: new ones by size, old ones equally. */
  readonly weights?: Readonly<Record<string, number>>;
  /** Text for evaluation during and after training. Default: a held-out share (`data.heldOut`). */
  readonly evaluation?: TextsByLanguage;
  /** Limit on GPU memory, bytes; WebGPU does not report its size. Default: not checked. */
  readonly gpuMemoryBytes?: number;
}

/** A program's settings have no lines. */
const origin = { name: 'train', lineOf: () => undefined };

const HOOKS = ['output', 'resume', 'signal', 'callbacks', 'onReady'] as const;

function checkSettings(options: TrainOptions): CheckedSettings {
  const {
    languages,
    replay = {},
    replayShare,
    weights: _w,
    evaluation = {},
    gpuMemoryBytes: _g,
    ...rest
  } = options;
  const settings = Object.fromEntries(
    Object.entries(rest).filter(([key, value]) => value !== undefined && !HOOKS.includes(key as never)),
  );
  const parsed = runSchema.safeParse(settings);
  const entries = (texts: TextsByLanguage, role: string): object[] =>
    Object.keys(texts).map((code) => ({ code, role }));
  const meaning = {
    ...settings,
    languages: [...entries(languages, 'new'), ...entries(replay, 'old')],
    ...(replayShare !== undefined && { replay: { share: replayShare } }),
  };
  const problems = [
    ...(parsed.success
      ? []
      : schemaProblems({ error: parsed.error, schema: runSchema, value: settings }, origin)),
    ...meaningProblems(meaning).map(({ path, message }) => problemAt(origin, spelled(path), message)),
    ...(Object.keys(languages).length === 0
      ? [{ path: 'languages', message: 'is empty: there is nothing to learn' }]
      : []),
  ];
  for (const code of Object.keys(evaluation)) {
    if (code === '') problems.push({ path: 'evaluation', message: 'has a language without a code' });
  }
  if (!parsed.success || problems.length > 0) throw new InvalidConfigError(origin.name, problems);
  return parsed.data as CheckedSettings;
}

/** A file says `replay.share` where a program says `replayShare`. */
const spelled = (path: KeyPath): KeyPath => (path[0] === 'replay' ? ['replayShare'] : path);

async function inputOf(base: Base, options: TrainOptions): Promise<RunInput> {
  const settings = checkSettings(options);
  const { replay = {}, weights = {}, evaluation, replayShare, gpuMemoryBytes } = options;
  const { format, textField } = settings.data;
  const read = async <Role extends 'new' | 'old' | 'unseen'>(
    texts: TextsByLanguage,
    roleOf: (code: string) => Role,
  ): Promise<(EvaluationLanguage & { readonly role: Role })[]> => {
    const found: (EvaluationLanguage & { readonly role: Role })[] = [];
    for (const [code, given] of Object.entries(texts)) {
      const role = roleOf(code);
      const documents = await readTexts({ code, role }, given, { format, textField }, base.platform);
      found.push({ code, role, documents });
    }
    return found;
  };
  const languages: LanguageDocuments[] = [
    ...(await read(options.languages, () => 'new' as const)),
    ...(await read(replay, () => 'old' as const)),
  ].map((language) => {
    const weight = weights[language.code];
    return weight === undefined ? language : { ...language, weight };
  });
  const roleOf = (code: string): 'new' | 'old' | 'unseen' =>
    languages.find((language) => language.code === code)?.role ?? 'unseen';
  return {
    settings,
    languages,
    replayShare,
    evaluation: evaluation && (await read(evaluation, roleOf)),
    gpuMemoryBytes,
    origin,
  };
}

/**
 * Teaches a base new languages: trains an extension of it on the texts and returns a pack. The base does not change,
 * which is proved. With `output` the run has a folder: `resolved.json` with the resolved settings, `held-out/` with the
 * held-out text, `events.jsonl`, `checkpoints/`, and at the end `extension/`.
 *
 * Throws InvalidConfigError (also for a run that does not fit into memory), CorruptDataError, CheckpointError (the folder
 * holds another run, or another process trains there), NonFiniteError and ParametersChangedError. An interrupted run is no
 * error: its `result.reason` is `interrupted`.
 */
export async function train(base: Base, options: TrainOptions): Promise<TrainedPack> {
  return runTraining(base, await inputOf(base, options), options);
}

export { inputOf };
