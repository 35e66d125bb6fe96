import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type HostTensor, safetensorsPieces } from '@moect/safetensors';
import {
  type FileDigest,
  removeFolder,
  renamePatiently,
  replaceFolder,
  syncFolder,
  writeDurable,
} from '@moect/safetensors/node';
import type { RunState } from '../loop/run-state.ts';
import {
  BEST_FILE,
  COMPLETE_FILE,
  checkpointName,
  checkpointsFolder,
  EXTENSION_FILE,
  OPTIMIZER_FILE,
  STATE_FILE,
  TEMPORARY_PREFIX,
} from './layout.ts';

type NamedTensors = Iterable<readonly [string, HostTensor]>;

/** A snapshot whose tensors are on the host. */
export interface HostSnapshot {
  readonly state: RunState;
  readonly parameters: NamedTensors;
  readonly optimizer: NamedTensors;
  readonly best?: NamedTensors | null;
}

/** Callback before each action that a crash may cut short; tests crash there. */
export type Boundary = (name: string) => void;

function* announced(pieces: Iterable<Uint8Array>, file: string, boundary: Boundary): Generator<Uint8Array> {
  let count = 0;
  for (const piece of pieces) {
    // the middle of a file is one more place to crash
    if (count++ === 1) boundary(`inside ${file}`);
    yield piece;
  }
}

async function writeFiles(
  folder: string,
  { state, parameters, optimizer, best }: HostSnapshot,
  boundary: Boundary,
): Promise<Record<string, FileDigest>> {
  const digests: Record<string, FileDigest> = {};
  const write = async (file: string, pieces: Iterable<Uint8Array | string>): Promise<void> => {
    boundary(`before ${file}`);
    digests[file] = await writeDurable(join(folder, file), pieces);
  };
  await write(EXTENSION_FILE, announced(safetensorsPieces(parameters), EXTENSION_FILE, boundary));
  await write(OPTIMIZER_FILE, announced(safetensorsPieces(optimizer), OPTIMIZER_FILE, boundary));
  if (best) await write(BEST_FILE, announced(safetensorsPieces(best), BEST_FILE, boundary));
  await write(STATE_FILE, [`${JSON.stringify(state, null, 2)}\n`]);
  await syncFolder(folder);
  return digests;
}

/**
 * Writes a checkpoint so that after a crash at any moment it is there whole or not there: a temporary folder,
 * fsync of each file, one rename, and the marker with the digests last.
 * @returns its folder
 * Throws CorruptDataError for NaN and infinity; nothing is published then.
 */
export async function writeCheckpoint(
  runFolder: string,
  snapshot: HostSnapshot,
  boundary: Boundary = () => undefined,
): Promise<string> {
  const root = checkpointsFolder(runFolder);
  const folder = join(root, checkpointName(snapshot.state.step));
  const temporary = join(root, `${TEMPORARY_PREFIX}${checkpointName(snapshot.state.step)}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    const digests = await writeFiles(temporary, snapshot, boundary);
    const aside = join(root, `${TEMPORARY_PREFIX}old-${randomUUID()}`);
    await replaceFolder(temporary, folder, { aside, boundary });
    await syncFolder(root);
    boundary(`before ${COMPLETE_FILE}`);
    const marker = join(folder, COMPLETE_FILE);
    await writeDurable(`${marker}.tmp`, [`${JSON.stringify(digests, null, 2)}\n`]);
    boundary(`before renaming ${COMPLETE_FILE}`);
    await renamePatiently(`${marker}.tmp`, marker);
    await syncFolder(folder);
    boundary('after everything');
    return folder;
  } catch (error) {
    await removeFolder(temporary);
    throw error;
  }
}
