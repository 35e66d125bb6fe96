export { type EventLogOptions, eventLog } from './callbacks/event-log.ts';
export { abortOnSignals, type SignalAbort, type SignalAbortOptions } from './checkpoint/abort-on-signals.ts';
export { type CheckpointStoreOptions, createCheckpointStore } from './checkpoint/checkpoint-store.ts';
export {
  type CheckpointPlace,
  type FoundCheckpoints,
  findCheckpoints,
  latestCheckpoint,
  type TornCheckpoint,
} from './checkpoint/find-checkpoints.ts';
export { openCheckpoint } from './checkpoint/open-checkpoint.ts';
export { lockRun, type RunLock } from './checkpoint/run-lock.ts';
export { type TrainInFolderOptions, trainInFolder } from './checkpoint/train-in-folder.ts';
