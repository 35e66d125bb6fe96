export { type EarlyStoppingOptions, earlyStopping } from './callbacks/early-stopping.ts';
export { type ProgressOptions, type ProgressStream, progressBar } from './callbacks/progress-bar.ts';
export { formatDuration } from './callbacks/progress-line.ts';
export { checkBatch, countTokens } from './loop/check-batch.ts';
export type { TrainOptions, TrainResult } from './loop/options.ts';
export type {
  CheckpointStore,
  RunIdentity,
  RunState,
  SavedRun,
  SavedTensors,
  Snapshot,
} from './loop/run-state.ts';
export type { SampledSoftmax } from './loop/sampled-candidates.ts';
export { train } from './loop/train.ts';
export { type AdamWSettings, adamW } from './optimization/adam-w.ts';
export { constant, cosine, linear, type ScheduleOptions } from './optimization/schedules.ts';
