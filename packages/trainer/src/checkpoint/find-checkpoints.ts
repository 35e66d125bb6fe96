import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileDigest } from '@moect/safetensors/node';
import {
  COMPLETE_FILE,
  checkpointsFolder,
  EXTENSION_FILE,
  OPTIMIZER_FILE,
  STATE_FILE,
  stepOf,
} from './layout.ts';

export interface CheckpointPlace {
  readonly step: number;
  readonly folder: string;
}

export interface TornCheckpoint extends CheckpointPlace {
  /** What is missing, in words for people. */
  readonly reason: string;
}

export interface FoundCheckpoints {
  /** Complete checkpoints, by step, ascending. */
  readonly complete: readonly CheckpointPlace[];
  /** Checkpoints that were cut short while being written; they are never loaded. */
  readonly torn: readonly TornCheckpoint[];
}

type Digests = Readonly<Record<string, FileDigest>>;

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Reads the digests that the marker holds; gives the reason as a string where the folder is no checkpoint. */
export async function readMarker(folder: string): Promise<Digests | string> {
  let text: string;
  try {
    text = await readFile(join(folder, COMPLETE_FILE), 'utf8');
  } catch (error) {
    if (isMissing(error)) return `${COMPLETE_FILE} is missing`;
    throw error;
  }
  let digests: Digests;
  try {
    digests = JSON.parse(text) as Digests;
  } catch {
    return `${COMPLETE_FILE} is no JSON`;
  }
  const absent = [EXTENSION_FILE, OPTIMIZER_FILE, STATE_FILE].filter((file) => digests?.[file] === undefined);
  return absent.length === 0 ? digests : `${COMPLETE_FILE} does not name ${absent.join(', ')}`;
}

async function whyTorn(folder: string): Promise<string | null> {
  const digests = await readMarker(folder);
  if (typeof digests === 'string') return digests;
  for (const [file, { bytes }] of Object.entries(digests)) {
    try {
      const { size } = await stat(join(folder, file));
      if (size !== bytes) return `${file} has ${size} bytes, not ${bytes}`;
    } catch (error) {
      if (isMissing(error)) return `${file} is missing`;
      throw error;
    }
  }
  return null;
}

/** Lists all checkpoints of a run. Sizes are compared here, digests when one is opened. */
export async function findCheckpoints(runFolder: string): Promise<FoundCheckpoints> {
  const root = checkpointsFolder(runFolder);
  const names = await readdir(root).catch((error: unknown): string[] => {
    if (isMissing(error)) return [];
    throw error;
  });
  const complete: CheckpointPlace[] = [];
  const torn: TornCheckpoint[] = [];
  for (const name of names) {
    const step = stepOf(name);
    if (step === null) continue;
    const folder = join(root, name);
    const reason = await whyTorn(folder);
    if (reason === null) complete.push({ step, folder });
    else torn.push({ step, folder, reason });
  }
  const byStep = (a: CheckpointPlace, b: CheckpointPlace): number => a.step - b.step;
  return { complete: complete.sort(byStep), torn: torn.sort(byStep) };
}

/** The newest complete checkpoint of a run, or null; torn ones are passed over and told to `onTorn`. */
export async function latestCheckpoint(
  runFolder: string,
  onTorn?: (torn: TornCheckpoint) => void,
): Promise<CheckpointPlace | null> {
  const { complete, torn } = await findCheckpoints(runFolder);
  if (onTorn !== undefined) for (const place of torn) onTorn(place);
  return complete.at(-1) ?? null;
}
