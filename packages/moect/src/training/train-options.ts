import { adamW, constant, cosine, linear, type ScheduleOptions, type TrainOptions } from '@moect/trainer';
import type { ResolvedRun } from '../config/resolved-run.ts';

const schedules = { cosine, linear, constant };

/** Options of the training loop for a resolved run. */
export function trainOptions(
  run: Pick<ResolvedRun, 'training' | 'baseIdentity'>,
  parts: Pick<TrainOptions, 'base' | 'extension' | 'data'>,
): TrainOptions {
  const { training } = run;
  const options: ScheduleOptions = {
    learningRate: training.learningRate,
    totalSteps: training.steps,
    warmupRatio: training.warmup,
    ...(training.schedule !== 'constant' && { minRatio: training.finalRate }),
  };
  return {
    ...parts,
    totalSteps: training.steps,
    gradientAccumulation: training.accumulation,
    optimizer: adamW({ weightDecay: training.weightDecay, betas: training.betas }),
    schedule: schedules[training.schedule](options),
    maxGradNorm: training.maxGradNorm,
    seed: training.seed,
    checkpointEvery: training.checkpointEvery,
    recompute: training.recompute,
    baseIdentity: run.baseIdentity,
    ...(training.evaluateEvery !== undefined && { evaluateEvery: training.evaluateEvery }),
    ...(training.statisticsEvery !== undefined && { statisticsEvery: training.statisticsEvery }),
  };
}
