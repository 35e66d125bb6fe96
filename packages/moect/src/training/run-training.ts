import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Callback,
  CheckpointError,
  type Extension,
  InvalidConfigError,
  type Settings,
} from '@moect/core';
import { assertUnchanged, digestParameters } from '@moect/freeze';
import type { HiddenStateCache } from '@moect/models/node';
import { writeFileAtomic, writeJsonAtomic } from '@moect/safetensors/node';
import { type BackendInfo, createRng, keepsCompressed } from '@moect/tensor';
import { type TrainOptions, type TrainResult, train } from '@moect/trainer';
import { createCheckpointStore, eventLog, latestCheckpoint, lockRun } from '@moect/trainer/node';
import { chooseBackend } from '../base/choose-backend.ts';
import { openHiddenStates } from '../base/hidden-states.ts';
import { type LoadedBase, loadBase } from '../base/load-base.ts';
import { planRun } from '../config/plan-run.ts';
import { type ConfigSource, placedBelow } from '../config/read-config.ts';
import type { ResolvedRun, RunPlan } from '../config/resolved-run.ts';
import { saveExtension } from '../extension/save-extension.ts';
import { checkFits } from '../planning/plan-training.ts';
import { defaultMoect, type Moect, mergeSettings } from '../presets/registry.ts';
import { unlessInterrupted } from '../unless-interrupted.ts';
import { evaluateHeldOut, type HeldOutNumbers } from './held-out.ts';
import { type LanguageSummary, type LanguageText, mixText, packText } from './pack-text.ts';
import { planBatches } from './plan-batches.ts';
import { readLanguages, tokenizerIdOf } from './prepare-data.ts';
import { resolvedConfig, resolvePacking, resolveRun } from './resolve-run.ts';
import { trainOptions } from './train-options.ts';
import { trainingSummary } from './training-summary.ts';

export interface TrainingHooks {
  /** Methods and presets. Default: the built-in ones. */
  readonly moect?: Moect;
  /** Go on from the newest checkpoint of the output folder. Default false. */
  readonly resume?: boolean;
  /** Ends the run with its state saved. */
  readonly signal?: AbortSignal;
  readonly callbacks?: readonly Callback[];
  /** Told once, before the first step. */
  readonly onReady?: (info: RunInfo) => void;
}

export interface RunInfo {
  readonly run: ResolvedRun;
  readonly backend: BackendInfo;
  readonly languages: readonly LanguageSummary[];
  readonly baseParameters: number;
  readonly trainableParameters: number;
  /** Choices made for the user, with the reason. */
  readonly notes: readonly string[];
}

export interface TrainingOutcome extends RunInfo {
  readonly result: TrainResult;
  /** Folder of the finished extension; null when the run was interrupted. */
  readonly extensionFolder: string | null;
  /** Bits per byte of the held-out text (at most 32 KiB a language); null when interrupted or nothing was held out. */
  readonly heldOut: HeldOutNumbers | null;
}

/** Everything that a run holds while it lasts. Dispose extension and base model. */
export interface Prepared extends RunInfo {
  readonly base: LoadedBase;
  readonly extension: Extension;
  readonly texts: readonly LanguageText[];
  readonly options: TrainOptions;
  readonly hiddenStates: HiddenStateCache | null;
}

const NOTHING_TO_CACHE =
  'cache: the lowest layer is trained, so there is nothing frozen below to keep; see `method: { layers: { top: … } }`';

const savesNothing = ({ storage }: LoadedBase, { name }: BackendInfo): string =>
  `baseStorage: the ${name} backend rounds the base to ${storage} but holds it as float32; wasm and webgpu save the memory`;

function attach(source: ConfigSource, plan: RunPlan, base: LoadedBase, moect: Moect): Extension {
  const settings = mergeSettings(moect.preset(plan.preset).config, plan.method.overrides);
  try {
    const rng = createRng(plan.training.seed).fork('extension');
    return moect.method(plan.method.name).attach(base.model, settings, rng);
  } catch (error) {
    throw placedBelow(error, source, ['method']);
  }
}

/** A method that trains matrices of the base needs them as they are, not as compressed storage rounds them. */
function refuseCompressedOverrides(
  source: ConfigSource,
  extension: Extension,
  { storage }: LoadedBase,
): void {
  const matrices = [...extension.overrides].filter(([, { rank }]) => rank > 1);
  if (storage === 'float32' || matrices.length === 0) return;
  const line = source.lineOf(['baseStorage']);
  const message = `is ${storage}, but the method '${extension.method}' trains ${matrices.length} matrices of the base`;
  const problem = { path: 'baseStorage', message, ...(line === undefined ? {} : { line }) };
  extension.dispose();
  throw new InvalidConfigError(
    source.name,
    [problem],
    'Use float32, or a method that leaves the base frozen.',
  );
}

export async function prepare(source: ConfigSource, moect: Moect): Promise<Prepared> {
  const { plan, notes } = planRun(source, moect);
  const backend = await chooseBackend(plan.backend.name, plan.backend.threads ?? undefined);
  const texts = await readLanguages(plan);
  const base = await loadBase(plan.base, plan.baseStorage);
  try {
    const packing = resolvePacking(plan, base);
    const preset = moect.preset(plan.preset);
    const replayShare = plan.replay.share ?? preset.training.replayShare;
    const packed = await packText(base, texts, packing, replayShare > 0);
    const amount = { sequenceLength: packing.sequenceLength, newSequences: packed.newSequences };
    const batches = planBatches(plan, amount, preset);
    const data = mixText(plan, packed, batches, await tokenizerIdOf(base));
    const extension = attach(source, plan, base, moect);
    refuseCompressedOverrides(source, extension, base);
    const run = resolveRun(plan, { base, preset, packing, batches, methodConfig: extension.config });
    const hiddenStates = run.cache === null ? null : await openHiddenStates(base, [extension], run.cache);
    const sizes = [...extension.parameters.values()].map(({ size }) => size);
    return {
      run,
      backend,
      languages: packed.summaries,
      baseParameters: base.parameterCount,
      trainableParameters: sizes.reduce((a, b) => a + b, 0),
      notes: [
        ...notes,
        ...(run.cache !== null && hiddenStates === null ? [NOTHING_TO_CACHE] : []),
        ...(base.storage === 'float32' || keepsCompressed() ? [] : [savesNothing(base, backend)]),
      ],
      base,
      extension,
      texts,
      hiddenStates,
      options: {
        ...trainOptions(run, { base: base.model, extension, data }),
        ...(hiddenStates && { hiddenStates }),
      },
    };
  } catch (error) {
    base.model.dispose();
    throw error;
  }
}

async function refuseOldRun(output: string): Promise<void> {
  const latest = await latestCheckpoint(output);
  if (latest === null) return;
  const hint = 'Add --resume to go on with it, or choose another output folder.';
  throw new CheckpointError(output, `holds a run that has reached step ${latest.step}`, hint);
}

/** The run's own record: the configuration as given and as understood, and the text kept out of training. */
async function writeRecord(source: ConfigSource, prepared: Prepared): Promise<void> {
  const { run, backend, texts, languages, baseParameters, trainableParameters } = prepared;
  const found = { backend: backend.detail, baseParameters, trainableParameters, languages };
  await writeFileAtomic(join(run.output, 'config.yaml'), source.text);
  await writeJsonAtomic(join(run.output, 'resolved.json'), resolvedConfig(run, found as object as Settings));
  const folder = join(run.output, 'held-out');
  for (const { code, heldOut } of texts) {
    if (heldOut.length === 0) continue;
    await mkdir(folder, { recursive: true });
    const lines = heldOut.map(({ id, text, language }) => `${JSON.stringify({ id, language, text })}\n`);
    await writeFileAtomic(join(folder, `${code}.jsonl`), lines.join(''));
  }
}

async function finish(prepared: Prepared, result: TrainResult): Promise<string> {
  const { run, base, extension, languages } = prepared;
  // law 1: whatever was trained, the base is what it was
  assertUnchanged(base.heldSha256, await digestParameters(base.model.parameters));
  const folder = join(run.output, 'extension');
  const info = {
    base: base.identity,
    languages: run.languages
      .filter(({ role, code }) => role === 'new' || languages.some((used) => used.code === code))
      .map(({ code, role }) => ({ code, role })),
    license: run.extension.license,
    combine: run.combine,
    preset: run.preset,
    training: trainingSummary({ run, languages, data: prepared.options.data }, result),
  };
  await saveExtension(folder, extension, info, { dtype: run.extension.dtype });
  return folder;
}

async function runPrepared(
  source: ConfigSource,
  prepared: Prepared,
  hooks: TrainingHooks,
): Promise<TrainingOutcome> {
  const { base, extension, texts, options, hiddenStates, ...info } = prepared;
  const { output } = info.run;
  const { signal, resume = false } = hooks;
  await mkdir(output, { recursive: true });
  const lock = await lockRun(output);
  try {
    if (!resume) await refuseOldRun(output);
    const warnings = await checkFits(prepared);
    // a resumed run keeps the record that it began with
    const isBegun = resume && (await latestCheckpoint(output)) !== null;
    if (!isBegun) await writeRecord(source, prepared);
    hooks.onReady?.({ ...info, notes: [...info.notes, ...warnings] });
    const evaluate = await evaluateHeldOut(info.run, base, extension, texts, {
      signal,
      hiddenStates: hiddenStates ?? undefined,
    });
    const result = await train({
      ...options,
      resume,
      checkpoints: createCheckpointStore(output),
      callbacks: [eventLog(join(output, 'events.jsonl')), ...(hooks.callbacks ?? [])],
      ...(signal && { signal }),
      ...(evaluate && { evaluate: evaluate.during }),
    });
    if (result.reason === 'interrupted') return { ...info, result, extensionFolder: null, heldOut: null };
    const extensionFolder = await finish(prepared, result);
    // a courtesy: an interruption while they are computed spoils nothing
    const heldOut = evaluate === null ? null : await unlessInterrupted(signal, evaluate.numbers());
    return { ...info, result, extensionFolder, heldOut };
  } finally {
    await hiddenStates?.close();
    await lock.release();
  }
}

/**
 * Trains what a configuration describes, in its output folder: `config.yaml` as given, `resolved.json` as understood,
 * `held-out/` with the text kept out of training, `events.jsonl`, `checkpoints/`, and at the end `extension/`.
 * The base's parameters are proved unchanged before the extension is written.
 *
 * Throws InvalidConfigError, BackendUnavailableError, CorruptDataError, CheckpointError (the folder holds another run,
 * or another process trains there), NonFiniteError and ParametersChangedError. An interrupted run is no error: its
 * `result.reason` is `interrupted`.
 */
export async function runTraining(source: ConfigSource, hooks: TrainingHooks = {}): Promise<TrainingOutcome> {
  const prepared = await prepare(source, hooks.moect ?? defaultMoect);
  try {
    return await runPrepared(source, prepared, hooks);
  } finally {
    prepared.extension.dispose();
    prepared.base.model.dispose();
  }
}
