import { join } from 'node:path';
import { CheckpointError } from '@moect/core';
import { eventLog } from '../callbacks/event-log.ts';
import type { TrainOptions, TrainResult } from '../loop/options.ts';
import { train } from '../loop/train.ts';
import { type CheckpointStoreOptions, createCheckpointStore } from './checkpoint-store.ts';
import { latestCheckpoint } from './find-checkpoints.ts';
import { lockRun } from './run-lock.ts';

export interface TrainInFolderOptions extends Omit<TrainOptions, 'checkpoints'>, CheckpointStoreOptions {
  /** Folder that gets `checkpoints/` and `events.jsonl`; it is made when it does not exist. */
  readonly runFolder: string;
}

/**
 * {@link train} with checkpoints and an event log in a folder, alone in it. With `resume` it goes on from the
 * newest complete checkpoint, bit for bit where the backend is deterministic, or begins when there is none.
 *
 * Throws what `train` throws, and CheckpointError when another process trains there or when the folder holds
 * checkpoints and `resume` was not asked for.
 */
export async function trainInFolder(options: TrainInFolderOptions): Promise<TrainResult> {
  const { runFolder, keepLast, onTorn, ...rest } = options;
  const lock = await lockRun(runFolder);
  try {
    const latest = await latestCheckpoint(runFolder);
    if (latest !== null && options.resume !== true) {
      const hint = 'Resume it, or train into another folder.';
      throw new CheckpointError(runFolder, `holds a run that has reached step ${latest.step}`, hint);
    }
    const checkpoints = createCheckpointStore(runFolder, {
      ...(keepLast !== undefined && { keepLast }),
      ...(onTorn !== undefined && { onTorn }),
    });
    const log = eventLog(join(runFolder, 'events.jsonl'));
    return await train({ ...rest, checkpoints, callbacks: [log, ...(options.callbacks ?? [])] });
  } finally {
    await lock.release();
  }
}
