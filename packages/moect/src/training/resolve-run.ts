import type { Settings } from '@moect/core';
import type { LoadedBase } from '../base/describe-base.ts';
import type { MoectConfig } from '../config/moect-config.ts';
import type { ResolvedRun, RunPlan } from '../config/resolved-run.ts';
import { learningRateFor } from '../presets/learning-rate.ts';
import type { Preset } from '../presets/preset.ts';
import type { PackingPlan } from './pack-text.ts';
import type { BatchPlan } from './plan-batches.ts';

/** Longest sequence that is chosen without being asked for: memory grows with it, gain hardly. */
const DEFAULT_SEQUENCE = 512;

/** Sizes that follow from the base. */
export function resolvePacking(
  { data }: { readonly data: Pick<RunPlan['data'], 'sequenceLength' | 'endOfDocument'> },
  base: LoadedBase,
): PackingPlan {
  const sequenceLength = data.sequenceLength ?? Math.min(base.model.maxPositions, DEFAULT_SEQUENCE);
  const endOfDocument = data.endOfDocument ?? base.tokenizer.eosTokenIds.length > 0;
  return { sequenceLength, endOfDocument };
}

export interface Facts {
  readonly base: LoadedBase;
  readonly preset: Preset;
  readonly packing: PackingPlan;
  readonly batches: BatchPlan;
  /** Settings of the method with its own defaults filled in. */
  readonly methodConfig: Settings;
}

/** Fills in all that follows from base and data. */
export function resolveRun(plan: RunPlan, facts: Facts): ResolvedRun {
  const { base, preset, packing, batches, methodConfig } = facts;
  const { training } = plan;
  const { steps, batchSize, replayShare } = batches;
  return {
    ...plan,
    baseIdentity: base.identity,
    combine: preset.combine,
    method: { ...plan.method, config: methodConfig },
    replay: { share: replayShare },
    data: { ...plan.data, sequenceLength: packing.sequenceLength, endOfDocument: packing.endOfDocument },
    training: {
      ...training,
      steps,
      batchSize,
      learningRate:
        training.learningRate ?? learningRateFor(preset.training.learningRate, base.parameterCount),
      checkpointEvery: training.checkpointEvery ?? Math.max(20, Math.ceil(steps / 10)),
    },
  };
}

const withoutNull = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], null> } =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null)) as {
    [K in keyof T]?: Exclude<T[K], null>;
  };

/**
 * The contents of `resolved.json`: a configuration in which nothing is left open, so that
 * `moect train run/resolved.json` repeats the run, and under `resolved` what else the run found.
 */
export function resolvedConfig(run: ResolvedRun, found: Settings): MoectConfig {
  const { tokens: _tokens, epochs: _epochs, ...training } = run.training;
  const list = <T extends { readonly files: readonly string[] }>(languages: readonly T[]): object[] =>
    languages.map((language) => withoutNull({ ...language, files: [...language.files] }));
  return {
    base: run.base,
    baseStorage: run.baseStorage,
    preset: run.preset,
    method: run.method.overrides,
    languages: list(run.languages),
    replay: run.replay,
    data: withoutNull(run.data),
    training: withoutNull(training),
    ...(run.evaluation !== null && { evaluation: { languages: list(run.evaluation.languages) } }),
    extension: withoutNull(run.extension),
    ...(run.cache !== null && { cache: withoutNull(run.cache) }),
    backend: withoutNull(run.backend),
    output: run.output,
    resolved: {
      schema: 'moect-resolved/1',
      base: run.baseIdentity,
      method: { name: run.method.name, config: run.method.config },
      combine: run.combine,
      ...found,
    },
  } as object as MoectConfig;
}
