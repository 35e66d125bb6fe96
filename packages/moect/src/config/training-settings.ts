import type { Preset } from '../presets/preset.ts';
import type { TrainingConfig } from './moect-config.ts';
import type { RunPlan } from './resolved-run.ts';

/** Settings of the training as given, with the preset's where nothing is. */
export function trainingSettings(given: TrainingConfig, preset: Preset): RunPlan['training'] {
  const hasLength = (given.steps ?? given.tokens ?? given.epochs) !== undefined;
  return {
    steps: given.steps ?? null,
    tokens: given.tokens ?? null,
    // four passes over scarce text are worth nearly as much as new text (arXiv 2305.16264)
    epochs: given.epochs ?? (hasLength ? null : 4),
    batchSize: given.batchSize ?? null,
    accumulation: given.accumulation ?? 1,
    learningRate: given.learningRate ?? null,
    schedule: given.schedule ?? preset.training.schedule,
    warmup: given.warmup ?? preset.training.warmup,
    finalRate: given.finalRate ?? preset.training.finalRate,
    maxGradNorm: given.maxGradNorm ?? 1,
    weightDecay: given.weightDecay ?? 0,
    seed: given.seed ?? 0,
    checkpointEvery: given.checkpointEvery ?? null,
    evaluateEvery: given.evaluateEvery ?? null,
    statisticsEvery: given.statisticsEvery ?? null,
    recompute: given.recompute ?? false,
  };
}
