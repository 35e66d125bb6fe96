import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '@moect/core';
import { digestFile, type OpenSafetensors, openSafetensors } from '@moect/safetensors/node';
import type { RunState, SavedRun, SavedTensors } from '../loop/run-state.ts';
import { readMarker } from './find-checkpoints.ts';
import { EXTENSION_FILE, OPTIMIZER_FILE, STATE_FILE } from './layout.ts';

const ANOTHER = 'Remove this folder to go on from the checkpoint before it.';

async function verify(folder: string): Promise<void> {
  const digests = await readMarker(folder);
  if (typeof digests === 'string') throw new CheckpointError(folder, digests, ANOTHER);
  for (const [file, expected] of Object.entries(digests)) {
    const given = await digestFile(join(folder, file));
    if (given.sha256 !== expected.sha256) {
      throw new CheckpointError(folder, `${file} was changed or damaged after it was written`, ANOTHER);
    }
  }
}

async function readState(folder: string): Promise<RunState> {
  const state = JSON.parse(await readFile(join(folder, STATE_FILE), 'utf8')) as RunState;
  if (state.schema !== 'moect-checkpoint/1') {
    const reason = `${STATE_FILE} has schema '${state.schema}', not 'moect-checkpoint/1'`;
    throw new CheckpointError(folder, reason, 'Use the version of moect that wrote it.');
  }
  return state;
}

function tensorsOf(file: OpenSafetensors): SavedTensors {
  return {
    shapes: new Map([...file.entries].map(([path, { shape }]) => [path, shape])),
    async read(path) {
      const { data } = await file.tensor(path);
      return data as Float32Array;
    },
  };
}

/** Opens a complete checkpoint after comparing its digests. Throws CheckpointError and CorruptDataError. */
export async function openCheckpoint(folder: string): Promise<SavedRun> {
  await verify(folder);
  const state = await readState(folder);
  const extension = await openSafetensors(join(folder, EXTENSION_FILE));
  const optimizer = await openSafetensors(join(folder, OPTIMIZER_FILE)).catch(async (error: unknown) => {
    await extension.close();
    throw error;
  });
  return {
    folder,
    state,
    parameters: tensorsOf(extension),
    optimizer: tensorsOf(optimizer),
    async close() {
      await extension.close();
      await optimizer.close();
    },
  };
}
