import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { CheckpointError, InvalidConfigError } from '@moect/core';
import { readJsonFile, writeFileAtomic } from '@moect/safetensors/node';
import { createCheckpointStore, eventLog, latestCheckpoint, lockRun } from '@moect/trainer/node';
import { checkRunFolder } from './check-output.ts';
import type { RunFolder } from './platform.ts';
import { seenFrom } from './seen-from.ts';

/** Where a run's folder has its record. */
export const recordFile = (folder: string): string => join(resolve(folder), 'resolved.json');

/** See `Platform.readRecord`. */
export async function readRecord(folder: string): Promise<Readonly<Record<string, unknown>> | null> {
  const file = recordFile(folder);
  return existsSync(file) ? readJsonFile(file) : null;
}

/** See `Platform.openRun`. The folder is made when it does not exist. */
export async function openRunFolder(folder: string, resume: boolean): Promise<RunFolder> {
  const output = resolve(folder);
  await checkRunFolder(output);
  await mkdir(output, { recursive: true });
  const lock = await lockRun(output);
  try {
    const latest = await latestCheckpoint(output);
    if (!resume && latest !== null) {
      const hint =
        'Add --resume (in a program resume: true) to go on with it, or choose another output folder.';
      throw new CheckpointError(output, `holds a run that has reached step ${latest.step}`, hint);
    }
    return {
      folder: output,
      isBegun: latest !== null,
      checkpoints: createCheckpointStore(output),
      log: eventLog(join(output, 'events.jsonl')),
      seen: (path) => seenFrom(output, path),
      async write(name, text) {
        const path = join(output, name);
        if (!path.startsWith(`${output}${sep}`)) {
          const problem = { path: 'name', message: `'${name}' lies outside the run's folder` };
          throw new InvalidConfigError(`Writing to ${output}`, [problem]);
        }
        await mkdir(dirname(path), { recursive: true });
        await writeFileAtomic(path, text);
      },
      close: () => lock.release(),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
