import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '@moect/core';
import { digestFile, type OpenSafetensors, openSafetensors } from '@moect/safetensors/node';
import type { RunState, SavedRun, SavedTensors } from '../loop/run-state.ts';
import { readMarker } from './find-checkpoints.ts';
import { BEST_FILE, EXTENSION_FILE, OPTIMIZER_FILE, STATE_FILE } from './layout.ts';

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
  const opened: OpenSafetensors[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  const open = async (file: string): Promise<SavedTensors> => {
    const source = await openSafetensors(join(folder, file));
    opened.push(source);
    return tensorsOf(source);
  };
  try {
    const parameters = await open(EXTENSION_FILE);
    const optimizer = await open(OPTIMIZER_FILE);
    const best = existsSync(join(folder, BEST_FILE)) ? await open(BEST_FILE) : null;
    return { folder, state, parameters, optimizer, best, close };
  } catch (error) {
    await close();
    throw error;
  }
}
