import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NonFiniteError, type ParamMap } from '@moect/core';
import type { HostTensor } from '@moect/safetensors';
import { removeFolder, renamePatiently } from '@moect/safetensors/node';
import type { BestWeights, CheckpointStore } from '../loop/run-state.ts';
import { findCheckpoints, latestCheckpoint, type TornCheckpoint } from './find-checkpoints.ts';
import { checkpointsFolder, TEMPORARY_PREFIX } from './layout.ts';
import { openCheckpoint } from './open-checkpoint.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

export interface CheckpointStoreOptions {
  /** Number of complete checkpoints to keep. Default 3. */
  readonly keepLast?: number;
  /** Callback for checkpoints that were cut short. Default: a Node warning. */
  readonly onTorn?: (torn: TornCheckpoint) => void;
}

function warn({ folder, reason }: TornCheckpoint): void {
  process.emitWarning(`Checkpoint ${folder} was cut short (${reason}) and is passed over.`, {
    code: 'MOECT_TORN_CHECKPOINT',
  });
}

function warnOfLeftovers(error: Error): void {
  process.emitWarning(`Checkpoints that are no longer needed could not be removed: ${error.message}`, {
    code: 'MOECT_OLD_CHECKPOINTS',
  });
}

async function toHost(tensors: ParamMap, step: number): Promise<Map<string, HostTensor>> {
  const host = new Map<string, HostTensor>();
  for (const [path, tensor] of tensors) {
    const data = (await tensor.data()) as Float32Array;
    if (!data.every(Number.isFinite)) {
      const hint = 'It was not saved; go on from the last checkpoint with a lower learning rate.';
      throw new NonFiniteError(`${path} after step ${step}`, hint);
    }
    host.set(path, { shape: tensor.shape, data });
  }
  return host;
}

function hostWeights(best: BestWeights, parameters: ParamMap): Map<string, HostTensor> {
  const entries = [...best].map(([path, data]) => {
    return [path, { shape: parameters.get(path)!.shape, data }] as const;
  });
  return new Map(entries);
}

/** Removes what a crash left half done, and complete checkpoints beyond the newest `keepLast`. */
async function prune(runFolder: string, keepLast: number): Promise<void> {
  const root = checkpointsFolder(runFolder);
  const { complete } = await findCheckpoints(runFolder);
  for (const { folder } of complete.slice(0, -keepLast)) {
    // the rename comes first: a folder that is half removed must not look like a checkpoint
    await renamePatiently(folder, join(root, `${TEMPORARY_PREFIX}old-${basename(folder)}`));
  }
  for (const name of await readdir(root)) {
    if (name.startsWith(TEMPORARY_PREFIX)) await removeFolder(join(root, name));
  }
}

/**
 * Checkpoints of one run in `<runFolder>/checkpoints`. Hold the run's lock while using it
 * (`trainInFolder` does).
 */
export function createCheckpointStore(
  runFolder: string,
  options: CheckpointStoreOptions = {},
): CheckpointStore {
  const { keepLast = 3, onTorn = warn } = options;
  return {
    async save({ state, parameters, optimizer, best = null }) {
      const folder = await writeCheckpoint(runFolder, {
        state,
        parameters: await toHost(parameters, state.step),
        optimizer: await toHost(optimizer, state.step),
        best: best && hostWeights(best, parameters),
      });
      // the checkpoint is whole: one too many on the disk is no reason to end a run
      await prune(runFolder, Math.max(1, keepLast)).catch(warnOfLeftovers);
      return folder;
    },
    async load() {
      const latest = await latestCheckpoint(runFolder, onTorn);
      return latest === null ? null : openCheckpoint(latest.folder);
    },
  };
}
