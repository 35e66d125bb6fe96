import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** See `Platform.recordedRun`. */
export async function readRecordedRun(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'resolved.json'), 'utf8'));
  } catch {
    return null;
  }
}
