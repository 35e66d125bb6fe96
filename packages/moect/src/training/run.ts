import type { Callback } from '@moect/core';
import { assertUnchanged, digestParameters } from '@moect/freeze';
import { type TrainOptions as LoopOptions, type TrainResult, train as trainLoop } from '@moect/trainer';
import type { Base } from '../base/base.ts';
import type { ExtensionConfigFile } from '../extension/extension-config.ts';
import { makePack, type Pack } from '../extension/pack.ts';
import { usedParts } from '../parts/own-parts.ts';
import { checkFits } from '../planning/plan-training.ts';
import type { TrainingPlan } from '../planning/training-plan.ts';
import type { RunFolder } from '../platform/platform.ts';
import { unlessInterrupted } from '../unless-interrupted.ts';
import { evaluateHeldOut, type HeldOutNumbers } from './held-out.ts';
import { type PreparedRun, prepareRun, type RunInfo } from './prepare-run.ts';
import type { RunInput } from './run-input.ts';
import { type Recorded, writeRecord } from './run-record.ts';
import { recordedText } from './text-settings.ts';
import { trainingSummary } from './training-summary.ts';

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
  /** Called once, before the first step, with the run and its plan; the run waits for it. */
  readonly onReady?: (info: RunInfo & { readonly plan: TrainingPlan }) => void | Promise<void>;
}

/** Result of `train`: a pack, and the course of its training. */
export interface TrainedPack extends Pack {
  readonly training: RunInfo;
  /** `reason` says whether the run finished, was stopped by a callback or interrupted by the signal. */
  readonly result: TrainResult;
  /** Folder of the saved pack: `output/extension`; null without `output` or if the run was interrupted. */
  readonly folder: string | null;
  /** Bits per byte of the held-out text (at most 32 KiB a language); null if interrupted or without held-out text. */
  readonly heldOut: HeldOutNumbers | null;
}

function infoOf(prepared: PreparedRun, result: TrainResult): ExtensionConfigFile {
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
    dtype: run.extension.dtype,
    training: trainingSummary({ run, languages, data: options.data }, result),
  };
}

function loopOptions(prepared: PreparedRun, hooks: RunHooks, folder: RunFolder | null): LoopOptions {
  const { signal, callbacks = [], resume = false } = hooks;
  return {
    ...prepared.options,
    callbacks: [...(folder === null ? [] : [folder.log]), ...callbacks],
    ...(folder && { checkpoints: folder.checkpoints, resume }),
    ...(signal && { signal }),
  };
}

async function trainPrepared(
  prepared: PreparedRun,
  hooks: RunHooks,
  folder: RunFolder | null,
  asked: Pick<Recorded, 'text' | 'asked'>,
): Promise<TrainedPack> {
  const { base, extension, input, options: _, hiddenStates, ...info } = prepared;
  const { run, texts } = info;
  const { signal } = hooks;
  const plan = await checkFits(prepared, folder?.folder);
  if (folder !== null && !(hooks.resume === true && folder.isBegun)) {
    const { backend, baseParameters, trainableParameters, languages } = info;
    const { evaluation, gpuMemoryBytes, reading } = input;
    const found = { backend: backend.detail, baseParameters, trainableParameters, languages, reading };
    await writeRecord(folder, { run, base, texts, evaluation, gpuMemoryBytes, found, ...asked });
  }
  const training: RunInfo = { ...info, notes: [...info.notes, ...plan.warnings] };
  await hooks.onReady?.({ ...training, plan });
  const { evaluation } = input;
  const evaluate = evaluateHeldOut({
    base,
    extension,
    texts,
    evaluation,
    combine: run.combine,
    signal,
    hiddenStates: hiddenStates ?? undefined,
  });
  const result = await trainLoop({
    ...loopOptions(prepared, hooks, folder),
    ...(evaluate && { evaluate: evaluate.during }),
  });
  const pack = makePack(base, run.preset, extension, infoOf(prepared, result));
  if (result.reason === 'interrupted') return { ...pack, training, result, folder: null, heldOut: null };
  // law 1: no training changes the base
  assertUnchanged(base.heldSha256, await digestParameters(base.model.parameters));
  const saved = folder === null ? null : await pack.save(`${folder.folder}/extension`);
  // training is complete, so an interruption of this evaluation loses nothing
  const heldOut = evaluate === null ? null : await unlessInterrupted(signal, evaluate.numbers());
  return { ...pack, training, result, folder: saved, heldOut };
}

/** Trains a run. See `train`; `asked` goes into the run's record. */
export async function runTraining(
  base: Base,
  input: RunInput,
  hooks: RunHooks,
  asked: Pick<Recorded, 'text' | 'asked'> = {},
): Promise<TrainedPack> {
  const prepared = await prepareRun(base, input);
  let folder: RunFolder | null = null;
  try {
    const { output, resume = false } = hooks;
    folder = output === undefined ? null : await base.platform.openRun(output, resume);
    return await trainPrepared(prepared, hooks, folder, asked);
  } catch (error) {
    prepared.extension.dispose();
    throw error;
  } finally {
    await prepared.hiddenStates?.close();
    await folder?.close();
  }
}
