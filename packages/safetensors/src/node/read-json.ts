import { readFile } from 'node:fs/promises';
import { CorruptDataError, isJsonObject, type JsonObject } from '@moect/core';
import { refuseMistaken } from '../mistaken-file.ts';

/** A JSON object from a file. Throws CorruptDataError if the file holds none. */
export async function readJsonFile(path: string): Promise<JsonObject> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'is not there' : code === 'EISDIR' ? 'is a folder, must be a file' : message;
    throw new CorruptDataError(path, reason, 'Check the path.', cause);
  }
  refuseMistaken(bytes, path);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    const reason = `cannot be read as JSON (${(cause as Error).message})`;
    throw new CorruptDataError(path, reason, 'Check the path, or fetch the file again.', cause);
  }
  if (!isJsonObject(json)) throw new CorruptDataError(path, 'is not a JSON object', 'Fetch the file again.');
  return json;
}
