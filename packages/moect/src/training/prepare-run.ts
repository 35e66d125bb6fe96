import { type Extension, InvalidConfigError } from '@moect/core';
import { describeReading } from '@moect/data';
import { type NgramTable, numbersIn } from '@moect/experts';
import { countParameters } from '@moect/freeze';
import type { HiddenStateCache } from '@moect/models/node';
import { type BackendInfo, keepsCompressed } from '@moect/tensor';
import type { TrainOptions } from '@moect/trainer';
import type { Base } from '../base/base.ts';
import { isExact } from '../base/identify.ts';
import { problemAt, type SettingsOrigin } from '../config/key-path.ts';
import type { ResolvedRun } from '../config/resolved-run.ts';
import { newerNodeNote } from '../doctor/newer-node.ts';
import { attachPack, fitPreset } from './attach-extension.ts';
import { type Batches, chooseBatches } from './choose-batches.ts';
import { choosePreset } from './choose-preset.ts';
import { chooseStates, type TextAmounts } from './choose-states.ts';
import {
  type LanguageSummary,
  type LanguageText,
  mixText,
  type PackedText,
  type Packing,
  packText,
  splitLanguage,
  usedTokens,
} from './pack-text.ts';
import { heldOutShare, resolvePacking, resolveRun } from './resolve-run.ts';
import type { RunInput } from './run-input.ts';
import type { RunPlace } from './run-place.ts';
import { splitNotes } from './split-notes.ts';
import { type StepShape, shapeOf } from './step-shape.ts';
import { frameSentence, textNotes } from './text-notes.ts';
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
  /** Whole numbers that the pack holds beside them: counts of n-grams. */
  readonly rememberedNumbers: number;
  /** Choices made for the user, with reasons. */
  readonly notes: readonly string[];
  /** What stands around a text, in a sentence. */
  readonly frame: string;
}

/** Everything that a run holds while it lasts. Dispose the extension and close the hidden states. */
export interface PreparedRun extends RunInfo {
  readonly input: RunInput;
  readonly base: Base;
  readonly extension: Extension;
  /** What the pack remembers of the new text beside the extension; null: nothing. */
  readonly ngrams: NgramTable | null;
  readonly options: TrainOptions;
  readonly hiddenStates: HiddenStateCache | null;
  /** Bytes of hidden states that the run keeps by itself; 0 where it keeps none. */
  readonly statesBytes: number;
  /** The same run with steps of another shape; it shares everything else with this one. */
  withShape(shape: StepShape, note: string): PreparedRun;
}

const savesMemory = ({ storage }: Base): boolean =>
  storage === 'float32' || storage === 'file' || keepsCompressed();

const savesNothing = ({ storage, backend }: Base): string =>
  `baseStorage: the ${backend.name} backend rounds the base to ${storage} but holds it as float32; wasm and webgpu save the memory`;

/** A method that trains matrices of the base begins with copies of them, which must be exact and not rounded. */
async function refuseRoundedOverrides(
  origin: SettingsOrigin,
  extension: Extension,
  { storage, identity, heldSha256 }: Base,
): Promise<void> {
  const matrices = [...extension.overrides].filter(([, { rank }]) => rank > 1);
  if (matrices.length === 0 || isExact(storage) || (await heldSha256()) === identity.sha256) return;
  const message = `is ${storage}, but the method '${extension.method}' trains ${matrices.length} matrices of the base`;
  throw new InvalidConfigError(
    origin.name,
    [problemAt(origin, ['baseStorage'], message)],
    'Leave it out, or use a method that leaves the base frozen.',
  );
}

/** What the text and the length of a run say about states that would be kept. */
function epochsOf(
  { packed, batches, accumulation }: { packed: PackedText; batches: Batches; accumulation: number },
  { sequenceLength }: Packing,
): TextAmounts {
  const { steps, batchSize, replayShare } = batches;
  const drawn = steps * batchSize * accumulation * (1 - replayShare);
  return {
    sequences: packed.languages.reduce((sum, language) => sum + language.sequences.count, 0),
    epochs: drawn / packed.newSequences,
    sequenceLength,
  };
}

/**
 * Prepares every run: text and preset become batches, an attached extension, and options of the training loop.
 * Trains and writes nothing. Throws InvalidConfigError and NoSuchComponentError.
 */
export async function prepareRun(base: Base, input: RunInput, place: RunPlace = {}): Promise<PreparedRun> {
  const { moect, model, backend } = base;
  const { settings, origin } = input;
  const { preset: chosen, notes } = choosePreset(input, moect);
  const fitted = fitPreset(chosen, base, input);
  const { preset, packSize } = fitted;
  const texts = input.languages.map((language) =>
    splitLanguage(language, language.documents, {
      heldOut: heldOutShare(input),
      minHeldOut: settings.data.minHeldOut,
    }),
  );
  const packing = resolvePacking(input, base);
  const replays = (input.replayShare ?? preset.training.replayShare) > 0;
  const packed = await packText(texts, packing, replays);
  const amount = { sequenceLength: packing.sequenceLength, newSequences: packed.newSequences };
  const { training } = settings;
  const batches = chooseBatches({ training, replayShare: input.replayShare }, amount, preset);
  const { languages } = input;
  const amounts = epochsOf({ packed, batches, accumulation: training.accumulation ?? 1 }, packing);
  const sequences = amounts.epochs * packed.newSequences;
  const { extension, ngrams } = attachPack(input, fitted, base, { packed, sequences });
  try {
    await refuseRoundedOverrides(origin, extension, base);
    const {
      cache,
      hiddenStates,
      statesBytes,
      notes: stateNotes,
    } = await chooseStates(base, extension, settings.cache, place, amounts);
    const draws = (training.sampledSoftmax ?? preset.training.sampledSoftmax ?? 0) > 0;
    const always = draws ? usedTokens(packed) : [];
    const shaped = (shape: StepShape): Pick<PreparedRun, 'run' | 'options'> => {
      const facts = {
        base,
        preset,
        packSize,
        packing,
        batches,
        shape,
        cache,
        methodConfig: extension.config,
        always,
      };
      const run = resolveRun(input, facts);
      const { replayShare } = batches;
      const sizes = { batchSize: shape.batchSize, replayShare };
      const mix = { languages, batches: sizes, seed: training.seed, tokenizerId: base.tokenizerSha256 };
      const { sampledSoftmax: sampled } = run.training;
      const options = trainOptions(run, { base: model, extension, data: mixText(packed, mix) });
      return {
        run,
        options: {
          ...options,
          ...(hiddenStates && { hiddenStates }),
          ...(sampled > 0 && { sampledSoftmax: { always, sampled } }),
        },
      };
    };
    const newer = backend.name === 'wasm' ? newerNodeNote() : null;
    const prepared = (shape: StepShape, more: readonly string[]): PreparedRun => ({
      ...shaped(shape),
      backend,
      languages: packed.summaries,
      texts,
      baseParameters: base.parameterCount,
      trainableParameters: countParameters(extension.parameters),
      rememberedNumbers: ngrams === null ? 0 : numbersIn(ngrams),
      frame: frameSentence(packing),
      notes: [
        ...base.notes,
        ...(newer === null ? [] : [newer]),
        ...(input.notes ?? []),
        ...(input.reading ?? []).flatMap(describeReading),
        ...splitNotes(texts, heldOutShare(input), input.evaluation),
        ...notes,
        ...packed.summaries.flatMap(textNotes),
        ...stateNotes,
        ...(savesMemory(base) ? [] : [savesNothing(base)]),
        ...more,
      ],
      input,
      base,
      extension,
      ngrams,
      hiddenStates,
      statesBytes,
      withShape: (other, note) => prepared(other, [...more, note]),
    });
    return prepared(shapeOf(training, batches), []);
  } catch (error) {
    extension.dispose();
    throw error;
  }
}
