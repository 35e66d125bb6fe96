import { readFile } from 'node:fs/promises';
import { CorruptDataError, isJsonObject, type JsonObject } from '@moect/core';

/** A JSON object from a file. Throws CorruptDataError if the file holds none. */
export async function readJsonFile(path: string): Promise<JsonObject> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = `cannot be read as JSON (${(cause as Error).message})`;
    throw new CorruptDataError(path, reason, 'Check the path, or fetch the file again.', cause);
  }
  if (!isJsonObject(json)) throw new CorruptDataError(path, 'is not a JSON object', 'Fetch the file again.');
  return json;
}
