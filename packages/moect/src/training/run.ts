import type { Callback } from '@moect/core';
import { documentFrame, type PrefixToken } from '@moect/data';
import { ngramMemory } from '@moect/experts';
import { assertUnchanged, digestParameters } from '@moect/freeze';
import { type TrainOptions as LoopOptions, type TrainResult, train as trainLoop } from '@moect/trainer';
import type { Base } from '../base/base.ts';
import type { ExtensionConfigFile, TextTokens } from '../extension/extension-config.ts';
import { makePack, type Pack } from '../extension/pack.ts';
import { usedParts } from '../parts/own-parts.ts';
import { checkFits } from '../planning/fit-run.ts';
import type { ScoringPlan } from '../planning/plan-scoring.ts';
import { returnPooledMemory } from '../planning/probe-memory.ts';
import type { TrainingPlan } from '../planning/training-plan.ts';
import type { RunFolder } from '../platform/platform.ts';
import { unlessInterrupted } from '../unless-interrupted.ts';
import { evaluateHeldOut, type HeldOutNumbers } from './held-out.ts';
import { areOwn } from './own-states.ts';
import { type PreparedRun, prepareRun, type RunInfo } from './prepare-run.ts';
import { withRecordedShape } from './recorded-shape.ts';
import type { RunInput } from './run-input.ts';
import { type Recorded, writeRecord } from './run-record.ts';
import { spareEvaluation } from './spared-evaluation.ts';
import { recordedText } from './text-settings.ts';
import { trainingSummary } from './training-summary.ts';
import { withinBudget } from './within-budget.ts';

/** Options around a run. */
export interface RunHooks {
  /** Folder of the run, with checkpoints, events, record and, at the end, `extension/`. Default: nothing is written. */
  readonly output?: string;
  /** Continue from the newest checkpoint of `output`. Default false. */
  readonly resume?: boolean;
  /** Ends the run with its state saved. */
  readonly signal?: AbortSignal;
  /** Called at steps, evaluations and checkpoints. */
  readonly callbacks?: readonly Callback[];
  /**
   * Called while held-out text is scored, during and after the training, with the model that scores it and the share of a
   * language's text that is done, 0 … 1.
   */
  readonly onEvaluating?: (what: string, share: number) => void;
  /** Called at once with each of the result's `warnings`. */
  readonly onWarning?: (message: string) => void;
  /** Called once, before the first step, with the run and its plan; the run waits for it. */
  readonly onReady?: (info: RunInfo & { readonly plan: TrainingPlan }) => void | Promise<void>;
}

/** Result of `train`: a pack, and the course of its training. */
export interface TrainedPack extends Pack {
  readonly training: RunInfo;
  /** `reason` says whether the run finished, was stopped by a callback or interrupted by the signal. */
  readonly result: TrainResult;
  /** Folder of the saved pack: `output/extension`; null without `output` or if the run was interrupted before its last step. */
  readonly folder: string | null;
  /**
   * Bits per byte of the held-out text (at most 32 KiB a language); null if interrupted, without held-out text, or where
   * `warnings` say why not.
   */
  readonly heldOut: HeldOutNumbers | null;
  /** Evaluations that could not be made, with the reason. The pack is saved before the last one. */
  readonly warnings: readonly string[];
}

function tokensOf({ base, run }: Pick<PreparedRun, 'base' | 'run'>): TextTokens {
  const { prefixToken, prefixIds } = documentFrame(base.tokenizer, run.data.prefixToken);
  return { prefixToken, prefixIds };
}

type TrainedState = Pick<TrainResult, 'step' | 'keptStep' | 'tokensSeen'>;

function infoOf(prepared: PreparedRun, result: TrainedState): ExtensionConfigFile {
  const { run, base, extension, languages, options } = prepared;
  const parts = usedParts(base.moect, {
    extension,
    combine: run.combine,
    architecture: base.model.architecture,
  });
  const { id, revision, sha256 } = base.identity;
  return {
    schema: 'moect-extension/1',
    method: extension.method,
    config: extension.config,
    combine: run.combine,
    preset: run.preset,
    ...(parts.length > 0 && { parts }),
    languages: run.languages
      .filter(({ role, code }) => role === 'new' || languages.some((used) => used.code === code))
      .map(({ code, role }) => ({ code, role })),
    license: run.extension.license ?? null,
    text: recordedText(run.data),
    base: { id, revision, sha256 },
    parameters: prepared.trainableParameters,
    ...(prepared.ngrams !== null && { ngrams: prepared.rememberedNumbers }),
    dtype: run.extension.dtype,
    tokens: tokensOf(prepared),
    training: trainingSummary({ run, languages, data: options.data }, result),
  };
}

function loopOptions(prepared: PreparedRun, hooks: RunHooks, folder: RunFolder | null): LoopOptions {
  const { signal, callbacks = [], resume = false } = hooks;
  return {
    ...prepared.options,
    isSameBase: ({ sha256 }) => prepared.base.isIdentifiedBy(sha256),
    callbacks: [...(folder === null ? [] : [folder.log]), ...callbacks],
    ...(folder && { checkpoints: folder.checkpoints, resume }),
    ...(signal && { signal }),
  };
}

async function trainPrepared(
  given: PreparedRun,
  hooks: RunHooks,
  folder: RunFolder | null,
  asked: Pick<Recorded, 'text' | 'asked'>,
): Promise<TrainedPack> {
  const isBegun = folder !== null && hooks.resume === true && folder.isBegun;
  const { prepared, plan } = await checkFits(given, folder?.folder);
  const { base, extension, ngrams, input, options: _, hiddenStates, ...info } = prepared;
  const { run, texts } = info;
  const { signal } = hooks;
  const before = await base.heldSha256();
  if (folder !== null && !isBegun) {
    const { backend, baseParameters, trainableParameters, languages } = info;
    const { evaluation, gpuMemoryBytes, reading } = input;
    const found = { backend: backend.detail, baseParameters, trainableParameters, languages, reading };
    await writeRecord(folder, { run, base, texts, evaluation, gpuMemoryBytes, found, ...asked });
  }
  const training: RunInfo = {
    ...info,
    notes: [...info.notes, ...(plan.evaluation?.notes ?? []), ...plan.warnings],
  };
  await hooks.onReady?.({ ...training, plan });
  const { evaluation } = input;
  const evaluate = evaluateHeldOut({
    base,
    extension,
    memory: ngrams === null ? null : ngramMemory(ngrams),
    texts,
    evaluation,
    combine: run.combine,
    tokens: tokensOf(prepared),
    signal,
    // states that the run keeps by itself are rounded, and its numbers are those that `moect compare` finds
    hiddenStates: (areOwn(run.cache || undefined, folder?.folder) ? null : hiddenStates) ?? undefined,
    onProgress: hooks.onEvaluating,
    passes: plan.evaluation === null ? undefined : sizesOf(plan.evaluation),
  });
  const spared = spareEvaluation(signal, hooks.onWarning);
  const packOf = (trained: TrainedState): Pack =>
    makePack(base, run.preset, { extension, ngrams }, infoOf(prepared, trained));
  const save = async (trained: TrainedState): Promise<string | null> =>
    folder === null ? null : packOf(trained).save(`${folder.folder}/extension`);
  let saved: string | null = null;
  await returnPooledMemory();
  const result = await trainLoop({
    ...loopOptions(prepared, hooks, folder),
    ...(evaluate && {
      evaluate: (step) => spared.run(`the evaluation after step ${step}`, () => evaluate.during(step)),
    }),
    ...(evaluate && run.training.keep === 'best' && { rank: evaluate.rank }),
    onTrained: async (trained) => {
      // law 1: no training changes the base
      assertUnchanged(before, await digestParameters(base.model.parameters));
      saved = await save({ ...trained, keptStep: trained.step });
      spared.keepsNothingWaiting();
    },
  });
  // saved before the last evaluation, which may have found that an earlier step is the best
  if (result.keptStep !== result.step) saved = await save(result);
  const pack = packOf(result);
  const outcome = { ...pack, training, result, folder: saved, warnings: spared.warnings };
  const isDone = result.reason !== 'interrupted' && evaluate !== null && !spared.hasFailed;
  if (!isDone) return { ...outcome, heldOut: null };
  // training is complete, so an interruption of this evaluation loses nothing
  const numbers = spared.run('the last evaluation', () => evaluate.numbers(result.keptStep));
  return { ...outcome, heldOut: await unlessInterrupted(signal, numbers) };
}

const sizesOf = ({ window, batchTokens }: ScoringPlan): Pick<ScoringPlan, 'window' | 'batchTokens'> => ({
  window,
  batchTokens,
});

/** What a run recorded of settings that runs of before did not have. */
interface RecordedSettings {
  readonly data?: { readonly prefixToken?: PrefixToken };
  readonly packSize?: number | null;
}

/** A run that goes on keeps what it recorded; one of before keeps the form that its preset had then. */
function asRecorded(input: RunInput, record: RecordedSettings | null): RunInput {
  if (record === null) return input;
  const { data, packSize = record.packSize ?? null } = input.settings;
  const { prefixToken = record.data?.prefixToken ?? 'moect-0.1' } = data;
  return { ...input, settings: { ...input.settings, packSize, data: { ...data, prefixToken } } };
}

/** Trains a run. See `train`; `asked` goes into the run's record. */
export async function runTraining(
  base: Base,
  input: RunInput,
  hooks: RunHooks,
  asked: Pick<Recorded, 'text' | 'asked'> = {},
): Promise<TrainedPack> {
  const { output, resume = false } = hooks;
  const place = output === undefined ? undefined : base.platform.absolute(output);
  const record = resume && place !== undefined ? await base.platform.readRecord(place) : null;
  const sized = await withinBudget(base, asRecorded(input, record), record);
  const given = await prepareRun(base, sized, { output: place, record });
  const prepared = withRecordedShape(given, record);
  let isComplete = false;
  let folder: RunFolder | null = null;
  try {
    folder = output === undefined ? null : await base.platform.openRun(output, resume);
    const pack = await trainPrepared(prepared, hooks, folder, asked);
    isComplete = pack.result.reason !== 'interrupted';
    return pack;
  } catch (error) {
    prepared.extension.dispose();
    throw error;
  } finally {
    await prepared.hiddenStates?.close();
    const { cache } = prepared.run;
    if (isComplete && cache && areOwn(cache, place)) await base.platform.removeFolder(cache.folder);
    await folder?.close();
  }
}
