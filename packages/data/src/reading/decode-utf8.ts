import { CorruptDataError } from '@moect/core';
import type { ResolvedReadOptions } from './read-options.ts';
import type { ReadReport } from './read-report.ts';
import type { RawLine } from './split-lines.ts';

// ignoreBOM: the mark at the start of a file is dropped elsewhere, one inside the text is text
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const listedPlaces = 10;

/** Bytes that a lead byte promises, and the range of its first continuation byte (Unicode table 3-7). */
function sequenceShape(lead: number): [length: number, low: number, high: number] {
  if (lead < 0x80) return [1, 0, 0];
  if (lead >= 0xc2 && lead <= 0xdf) return [2, 0x80, 0xbf];
  if (lead >= 0xe0 && lead <= 0xef) return [3, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf];
  if (lead >= 0xf0 && lead <= 0xf4) return [4, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf];
  return [0, 0, 0];
}

/** Offset of the first byte that begins no well-formed UTF-8 sequence; −1 where all is well. */
export function findInvalidUtf8(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const [length, low, high] = sequenceShape(bytes[i]!);
    if (length === 0 || i + length > bytes.length) return i;
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k]!;
      if (byte < (k === 1 ? low : 0x80) || byte > (k === 1 ? high : 0xbf)) return i;
    }
    i += length;
  }
  return -1;
}

/**
 * Text of a line under the policy for broken UTF-8.
 * Throws CorruptDataError with line and byte under `error`.
 */
export function decodeLine(line: RawLine, options: ResolvedReadOptions, report: ReadReport): DecodedLine {
  try {
    return { text: strict.decode(line.bytes), broken: false };
  } catch (cause) {
    const byteOffset = line.byteOffset + findInvalidUtf8(line.bytes);
    if (report.invalidUtf8.length < listedPlaces) report.invalidUtf8.push({ line: line.line, byteOffset });
    if (options.invalidUtf8 === 'error') {
      throw new CorruptDataError(
        options.source,
        `line ${line.line}, byte ${byteOffset}: not valid UTF-8`,
        "Convert the file to UTF-8, or set invalidUtf8 to 'replace' or 'skip-document'.",
        cause,
      );
    }
    return { text: lenient.decode(line.bytes), broken: true };
  }
}

export interface DecodedLine {
  readonly text: string;
  /** Broken UTF-8 was replaced by U+FFFD. */
  readonly broken: boolean;
}
