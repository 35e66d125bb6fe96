import { CorruptDataError } from '@moect/core';

/** Told as a file comes in. `totalBytes` is null where the server does not say. */
export type FetchProgress = (loadedBytes: number, totalBytes: number | null) => void;

/** Throws CorruptDataError where the server does not have it. */
export async function fetchFile(url: URL, hint: string): Promise<Response> {
  const response = await fetch(url);
  if (response.ok) return response;
  throw new CorruptDataError(url.href, `the server answers ${response.status} ${response.statusText}`, hint);
}

/** The address of a folder, with the slash at its end; relative to the page. */
export function folderUrl(url: string | URL): URL {
  return new URL(`${String(url).replace(/\/$/, '')}/`, globalThis.location?.href);
}

/** All bytes of an answer. */
export async function bytesOf(
  response: Response,
  onProgress: FetchProgress = () => undefined,
): Promise<Uint8Array> {
  const length = response.headers.get('Content-Length');
  // a compressed answer is longer than it says
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
