import { CorruptDataError, isJsonObject, type JsonObject } from '@moect/core';
import { refuseMistaken } from '@moect/safetensors';

/** Called while a file is downloaded. `totalBytes` is null if the server does not tell. */
export type FetchProgress = (loadedBytes: number, totalBytes: number | null) => void;

/** Throws CorruptDataError if the server does not have the file. */
export async function fetchFile(url: URL, hint: string): Promise<Response> {
  const response = await fetch(url);
  if (response.ok) return response;
  throw new CorruptDataError(url.href, `the server answers ${response.status} ${response.statusText}`, hint);
}

/** The text of a file. Throws CorruptDataError. */
export async function fetchText(url: URL, hint: string): Promise<string> {
  return (await fetchFile(url, hint)).text();
}

/** A fetched file as a JSON object. Throws CorruptDataError that names the address. */
export function jsonOf(text: string, url: URL): JsonObject {
  refuseMistaken(new TextEncoder().encode(text.slice(0, 100)), url.href);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = `cannot be read as JSON (${(cause as Error).message})`;
    throw new CorruptDataError(url.href, reason, 'Check the address.', cause);
  }
  if (isJsonObject(json)) return json;
  throw new CorruptDataError(url.href, 'is not a JSON object', 'Check the address.');
}

/** The address of a folder, with a slash at its end; relative to the page. */
export function folderUrl(url: string | URL): URL {
  return new URL(`${String(url).replace(/\/$/, '')}/`, globalThis.location?.href);
}

/** All bytes of a response. */
export async function bytesOf(
  response: Response,
  onProgress: FetchProgress = () => undefined,
): Promise<Uint8Array> {
  const length = response.headers.get('Content-Length');
  // a compressed response is longer than its header says
  const total = length === null || response.headers.has('Content-Encoding') ? null : Number(length);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    loaded += value.length;
    onProgress(loaded, total);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
