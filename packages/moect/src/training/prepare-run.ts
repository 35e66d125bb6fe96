import { type Extension, InvalidConfigError } from '@moect/core';
import { describeReading } from '@moect/data';
import { countParameters } from '@moect/freeze';
import type { HiddenStateCache } from '@moect/models/node';
import { type BackendInfo, createRng, keepsCompressed } from '@moect/tensor';
import type { TrainOptions } from '@moect/trainer';
import type { Base } from '../base/base.ts';
import { placedBelow, problemAt, type SettingsOrigin } from '../config/key-path.ts';
import type { ResolvedRun } from '../config/resolved-run.ts';
import { mergeSettings } from '../parts/moect.ts';
import type { Preset } from '../presets/preset.ts';
import { chooseBatches } from './choose-batches.ts';
import { choosePreset } from './choose-preset.ts';
import { type LanguageSummary, type LanguageText, mixText, packText, splitLanguage } from './pack-text.ts';
import { heldOutShare, resolvePacking, resolveRun } from './resolve-run.ts';
import type { RunInput } from './run-input.ts';
import { splitNotes } from './split-notes.ts';
import { trainOptions } from './train-options.ts';

/** Description of a run before it begins. */
export interface RunInfo {
  readonly run: ResolvedRun;
  readonly backend: BackendInfo;
  readonly languages: readonly LanguageSummary[];
  /** Text for training, and held-out text. */
  readonly texts: readonly LanguageText[];
  readonly baseParameters: number;
  readonly trainableParameters: number;
  /** Choices made for the user, with reasons. */
  readonly notes: readonly string[];
}

/** Everything that a run holds while it lasts. Dispose the extension and close the hidden states. */
export interface PreparedRun extends RunInfo {
  readonly input: RunInput;
  readonly base: Base;
  readonly extension: Extension;
  readonly options: TrainOptions;
  readonly hiddenStates: HiddenStateCache | null;
}

const NOTHING_TO_CACHE =
  'cache: the lowest layer is trained, so there is nothing frozen below to keep; see `method: { layers: { top: … } }`';

const savesNothing = ({ storage, backend }: Base): string =>
  `baseStorage: the ${backend.name} backend rounds the base to ${storage} but holds it as float32; wasm and webgpu save the memory`;

function attach({ settings, origin }: RunInput, preset: Preset, { model, moect }: Base): Extension {
  const merged = mergeSettings(preset.config, settings.method);
  try {
    const rng = createRng(settings.training.seed).fork('extension');
    return moect.method(preset.method).attach(model, merged, rng);
  } catch (error) {
    throw placedBelow(error, origin, ['method']);
  }
}

/** A method that trains matrices of the base needs them exact, not rounded by compressed storage. */
function refuseCompressedOverrides(origin: SettingsOrigin, extension: Extension, { storage }: Base): void {
  const matrices = [...extension.overrides].filter(([, { rank }]) => rank > 1);
  if (storage === 'float32' || matrices.length === 0) return;
  const message = `is ${storage}, but the method '${extension.method}' trains ${matrices.length} matrices of the base`;
  throw new InvalidConfigError(
    origin.name,
    [problemAt(origin, ['baseStorage'], message)],
    'Use float32, or a method that leaves the base frozen.',
  );
}

/**
 * Prepares every run: text and preset become batches, an attached extension, and options of the training loop.
 * Trains and writes nothing. Throws InvalidConfigError and NoSuchComponentError.
 */
export async function prepareRun(base: Base, input: RunInput): Promise<PreparedRun> {
  const { moect, model, backend, platform } = base;
  const { settings, origin } = input;
  const { preset, notes } = choosePreset(input, moect);
  const texts = input.languages.map((language) =>
    splitLanguage(language, language.documents, {
      heldOut: heldOutShare(input),
      minHeldOut: settings.data.minHeldOut,
    }),
  );
  const packing = resolvePacking(input, base);
  const replays = (input.replayShare ?? preset.training.replayShare) > 0;
  const packed = await packText(base, texts, packing, replays);
  const amount = { sequenceLength: packing.sequenceLength, newSequences: packed.newSequences };
  const { training } = settings;
  const batches = chooseBatches({ training, replayShare: input.replayShare }, amount, preset);
  const { languages } = input;
  const mix = { languages, batches, seed: training.seed, tokenizerId: base.tokenizerSha256 };
  const data = mixText(packed, mix);
  const extension = attach(input, preset, base);
  try {
    refuseCompressedOverrides(origin, extension, base);
    const run = resolveRun(input, { base, preset, packing, batches, methodConfig: extension.config });
    const { cache } = run;
    const hiddenStates =
      cache === undefined ? null : await platform.openHiddenStates(base, [extension], cache);
    return {
      run,
      backend,
      languages: packed.summaries,
      texts,
      baseParameters: base.parameterCount,
      trainableParameters: countParameters(extension.parameters),
      notes: [
        ...(input.notes ?? []),
        ...(input.reading ?? []).flatMap(describeReading),
        ...splitNotes(texts, heldOutShare(input), input.evaluation),
        ...notes,
        ...(cache !== undefined && hiddenStates === null ? [NOTHING_TO_CACHE] : []),
        ...(base.storage === 'float32' || keepsCompressed() ? [] : [savesNothing(base)]),
      ],
      input,
      base,
      extension,
      hiddenStates,
      options: {
        ...trainOptions(run, { base: model, extension, data }),
        ...(hiddenStates && { hiddenStates }),
      },
    };
  } catch (error) {
    extension.dispose();
    throw error;
  }
}
