import { readFile } from 'node:fs/promises';
import { CorruptDataError, isJsonObject, type JsonObject } from '@moect/core';
import { refuseMistaken } from '../mistaken-file.ts';

/** A JSON object from a file. Throws CorruptDataError if the file holds none. */
export async function readJsonFile(path: string): Promise<JsonObject> {
  let json: unknown;
  try {
    const bytes = await readFile(path);
    refuseMistaken(bytes, path);
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    if (cause instanceof CorruptDataError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'EISDIR') {
      throw new CorruptDataError(path, 'is a folder, must be a file', 'Fetch the file again.', cause);
    }
    const reason = `cannot be read as JSON (${(cause as Error).message})`;
    throw new CorruptDataError(path, reason, 'Check the path, or fetch the file again.', cause);
  }
  if (!isJsonObject(json)) throw new CorruptDataError(path, 'is not a JSON object', 'Fetch the file again.');
  return json;
}
