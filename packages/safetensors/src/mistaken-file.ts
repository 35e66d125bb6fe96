import { CorruptDataError } from '@moect/core';

/** Bytes of a file's beginning that {@link refuseMistaken} looks at. */
export const MISTAKEN_BYTES = 64;

/**
 * Throws CorruptDataError for what stands in the place of a file that was never fetched: the pointer that Git keeps for
 * large files, or the page of a web server.
 * @param beginning the first {@link MISTAKEN_BYTES} bytes, or all
 */
export function refuseMistaken(beginning: Uint8Array, source: string): void {
  const text = new TextDecoder('latin1').decode(beginning.subarray(0, MISTAKEN_BYTES)).trimStart();
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    throw new CorruptDataError(
      source,
      'is a Git LFS pointer, not the file itself',
      "Run 'git lfs pull' in its folder, or fetch the file from where the model comes from.",
    );
  }
  if (/^<(!doctype html|html|\?xml)/i.test(text)) {
    throw new CorruptDataError(
      source,
      'is a web page, not the file itself',
      'Fetch it again; the address or the login was wrong.',
    );
  }
}
