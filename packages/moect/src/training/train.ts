import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import type { ReadReport } from '@moect/data';
import type { Base } from '../base/base.ts';
import { canonicalOptions } from '../config/canonical-languages.ts';
import { didYouMean } from '../config/did-you-mean.ts';
import { asEarlierRun, isEarlierRun } from '../config/earlier-runs.ts';
import { type KeyPath, problemAt } from '../config/key-path.ts';
import { meaningProblems } from '../config/meaning-problems.ts';
import { type CheckedSettings, programSchema, type RunSettings } from '../config/schema.ts';
import { schemaProblems } from '../config/schema-problems.ts';
import { checkBase } from '../front-door-checks.ts';
import { type RunHooks, runTraining, type TrainedPack } from './run.ts';
import type { EvaluationLanguage, LanguageDocuments, RunInput } from './run-input.ts';
import { textSettings } from './text-settings.ts';
import { readTexts } from './texts.ts';
import type { Texts } from './texts-shape.ts';

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

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Leaves out keys whose value is undefined, also inside groups of settings: they mean the default. */
function withoutUndefined(given: object): Record<string, unknown> {
  const kept = Object.entries(given).filter(([, value]) => value !== undefined);
  const groups = ['data', 'training', 'extension', 'cache'];
  return Object.fromEntries(
    kept.map(([key, value]) => [
      key,
      groups.includes(key) && isPlain(value) ? withoutUndefined(value) : value,
    ]),
  );
}

/** Problems of options that are right by themselves. */
function jointProblems(options: Partial<TrainOptions>): ConfigProblem[] {
  const [languages, replay] = [options.languages ?? {}, options.replay ?? {}];
  const { replayShare, weights = {}, output, resume } = options;
  const codes = Object.keys(languages);
  const problems: ConfigProblem[] = [];
  const say = (path: string, message: string): void => void problems.push({ path, message });
  if (codes.length === 0) say('languages', 'is empty: there is nothing to learn');
  for (const code of Object.keys(replay)) {
    if (codes.includes(code)) say(`replay.${code}`, 'is in languages too: a language is new or old');
  }
  for (const code of Object.keys(weights)) {
    if (code in languages || code in replay) continue;
    const all = [...codes, ...Object.keys(replay)];
    say(`weights.${code}`, `is no language of this run.${didYouMean(code, all)}`);
  }
  if (resume === true && output === undefined)
    say('resume', 'needs output: the folder of the run that goes on');
  const entries = [
    ...codes.map((code) => ({ code, role: 'new' })),
    ...Object.keys(replay).flatMap((code) => (codes.includes(code) ? [] : [{ code, role: 'old' }])),
  ];
  const share = typeof replayShare === 'number' ? { replay: { share: replayShare } } : {};
  const found = meaningProblems({ training: options.training, languages: entries, ...share });
  return [...problems, ...found.map(({ path, message }) => problemAt(origin, spelled(path), message))];
}

/** The options with canonical language codes, and their settings. */
interface CheckedOptions {
  readonly options: TrainOptions;
  readonly settings: CheckedSettings;
  readonly notes: readonly string[];
}

function checkOptions(given: TrainOptions, isEarlier: boolean): CheckedOptions {
  const own = withoutUndefined(isPlain(given) ? given : {});
  const canonical = isEarlier ? { value: asEarlierRun(own), problems: [], notes: [] } : canonicalOptions(own);
  const { value, notes } = canonical;
  const parsed = programSchema.safeParse(value);
  const refused = parsed.success
    ? []
    : schemaProblems({ error: parsed.error, schema: programSchema, value }, origin);
  const texts = [value['languages'], value['replay'], value['weights']];
  const areReadable = texts.every((given) => given === undefined || isPlain(given));
  const problems = [
    ...refused,
    ...canonical.problems.map(({ path, message }) => problemAt(origin, path, message)),
    ...(areReadable ? jointProblems(value as Partial<TrainOptions>) : []),
  ];
  if (!parsed.success || problems.length > 0) throw new InvalidConfigError(origin.name, problems);
  const { preset, method, packSize, ngrams, data, training, extension, cache } =
    parsed.data as CheckedSettings;
  const settings = {
    ...(preset !== undefined && { preset }),
    method,
    ...(packSize !== undefined && { packSize }),
    ...(ngrams !== undefined && { ngrams }),
    data,
    training,
    extension,
    ...(cache !== undefined && { cache }),
  };
  return { options: value as unknown as TrainOptions, settings, notes };
}

/** A file says `replay.share` where a program says `replayShare`. */
const spelled = (path: KeyPath): KeyPath => (path[0] === 'replay' ? ['replayShare'] : path);

/** The record of the run that goes on; null for a new one. */
async function recordOf({ platform }: Base, given: TrainOptions): Promise<unknown> {
  const { output, resume } = isPlain(given) ? (given as Partial<TrainOptions>) : {};
  return resume === true && typeof output === 'string' ? platform.readRecord(output) : null;
}

async function inputOf(base: Base, given: TrainOptions): Promise<RunInput> {
  checkBase('train', base);
  const isEarlier = isEarlierRun(await recordOf(base, given));
  const { options, settings, notes } = checkOptions(given, isEarlier);
  const { replay = {}, weights = {}, evaluation, replayShare, gpuMemoryBytes } = options;
  const reading: ReadReport[] = [];
  const read = async <Role extends 'new' | 'old' | 'unseen'>(
    texts: TextsByLanguage,
    roleOf: (code: string) => Role,
  ): Promise<(EvaluationLanguage & { readonly role: Role })[]> => {
    const found: (EvaluationLanguage & { readonly role: Role })[] = [];
    for (const [code, given] of Object.entries(texts)) {
      const role = roleOf(code);
      const text = await readTexts({ code, role }, given, textSettings(settings.data), base.platform);
      reading.push(...text.reports);
      found.push({ code, role, documents: text.documents });
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
    reading,
    notes,
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
