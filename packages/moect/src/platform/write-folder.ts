import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@moect/safetensors/node';

/** Moves a finished folder to its place and replaces any folder there; neither is ever left in part. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = join(dirname(to), `.${basename(to)}-old-${randomUUID()}`);
  const isOccupied = existsSync(to);
  if (isOccupied) await rename(to, aside);
  await rename(from, to);
  if (isOccupied) await rm(aside, { recursive: true, force: true });
}

/** See `Platform.writeFolder`. If a file's pieces throw, nothing is replaced. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Iterable<Uint8Array>>,
): Promise<string> {
  const target = resolve(folder);
  const temporary = join(dirname(target), `.${basename(target)}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    for (const [name, content] of files) await writeFileAtomic(join(temporary, name), content);
    await replaceFolder(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return target;
}
