import { InvalidConfigError, type Settings } from '@moect/core';
import { documentFrame } from '@moect/data';
import type { Base } from '../base/base.ts';
import { problemAt } from '../config/key-path.ts';
import type { ResolvedRun } from '../config/resolved-run.ts';
import type { CheckedSettings } from '../config/schema.ts';
import { learningRateFor } from '../presets/learning-rate.ts';
import type { Preset } from '../presets/preset.ts';
import type { Batches } from './choose-batches.ts';
import type { Packing } from './pack-text.ts';
import type { RunInput } from './run-input.ts';
import type { StepShape } from './step-shape.ts';

/** Default maximum of the sequence length: longer sequences need more memory and hardly raise the gain. */
const DEFAULT_SEQUENCE = 512;

/** Share of the documents that is kept out of training if no evaluation text is given. */
const HELD_OUT = 0.05;

/** Sizes that follow from the base. */
export function resolvePacking({ settings, origin }: RunInput, { model, tokenizer }: Base): Packing {
  const { sequenceLength, endOfDocument, prefixToken } = settings.data;
  if (sequenceLength !== undefined && sequenceLength > model.maxPositions) {
    const message = `is ${sequenceLength}, the base's context is ${model.maxPositions}`;
    throw new InvalidConfigError(origin.name, [problemAt(origin, ['data', 'sequenceLength'], message)]);
  }
  const frame = documentFrame(tokenizer, prefixToken);
  return {
    frame,
    sequenceLength: sequenceLength ?? Math.min(model.maxPositions, DEFAULT_SEQUENCE),
    endOfDocument: endOfDocument ?? frame.endId !== null,
  };
}

export function heldOutShare({ settings, evaluation }: RunInput): number {
  return settings.data.heldOut ?? (evaluation === undefined ? HELD_OUT : 0);
}

export interface Facts {
  readonly base: Base;
  readonly preset: Preset;
  readonly packSize: number | null;
  readonly packing: Packing;
  readonly batches: Batches;
  readonly shape: StepShape;
  readonly cache: CheckedSettings['cache'];
  /** Settings of the method with its own defaults filled in. */
  readonly methodConfig: Settings;
  /** Tokens of the text. */
  readonly always: readonly number[];
}

/** Least factor by which drawn tokens must shrink the vocabulary. */
const WORTH_DRAWING = 2;

/** Number of tokens drawn for the loss; 0 where it takes them all. */
function sampledSoftmax({ settings }: RunInput, { base, preset, always }: Facts): number {
  const given = settings.training.sampledSoftmax;
  if (given !== undefined) return given;
  const { sampledSoftmax: usual = 0 } = preset.training;
  return base.model.vocabSize >= WORTH_DRAWING * (always.length + usual) ? usual : 0;
}

/** Fills in all settings that depend on preset, base and data. */
export function resolveRun(input: RunInput, facts: Facts): ResolvedRun {
  const { base, preset, batches, shape, cache, methodConfig } = facts;
  const { frame, ...packing } = facts.packing;
  const { settings } = input;
  const { training, method } = settings;
  const { schedule, warmup, finalRate, learningRate, referenceParameters } = preset.training;
  const [beta1, beta2] = training.betas ?? preset.training.betas ?? [0.9, 0.95];
  const { steps, replayShare } = batches;
  return {
    baseIdentity: base.identity,
    preset: preset.name,
    combine: preset.combine,
    packSize: facts.packSize,
    ngrams: settings.ngrams ?? preset.ngrams ?? false,
    method: { name: preset.method, overrides: method, config: methodConfig },
    languages: input.languages.map(({ documents: _, ...language }) => language),
    replay: { share: replayShare },
    data: {
      ...settings.data,
      ...packing,
      prefixToken: frame.prefixToken,
      heldOut: heldOutShare(input),
    },
    training: {
      ...training,
      steps,
      ...shape,
      sampledSoftmax: sampledSoftmax(input, facts),
      learningRate:
        training.learningRate ?? learningRateFor(learningRate, base.parameterCount, referenceParameters),
      betas: [beta1, beta2],
      schedule: training.schedule ?? schedule,
      warmup: training.warmup ?? warmup,
      finalRate: training.finalRate ?? finalRate,
      keep: training.keep ?? (training.evaluateEvery === undefined ? 'last' : 'best'),
      checkpointEvery: training.checkpointEvery ?? Math.max(20, Math.ceil(steps / 10)),
    },
    extension: settings.extension,
    ...(cache !== undefined && { cache }),
  };
}
