import { CorruptDataError } from '@moect/core';
import type { ResolvedReadOptions } from './read-options.ts';
import type { ReadReport } from './read-report.ts';
import { recodeCommand } from './recode-command.ts';
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

const NUL = 0;

const FIRST_LETTER = 0x41;

/** Text of Western Europe in one byte a letter: most letters are ASCII; in other alphabets hardly any are. */
function isLikeLatin1(bytes: Uint8Array): boolean {
  const letters = bytes.filter((byte) => byte >= FIRST_LETTER);
  return letters.filter((byte) => byte >= 0x80).length * 3 <= letters.length;
}

function refuse(line: RawLine, byteOffset: number, context: DecodeContext, cause?: unknown): never {
  const { options, report } = context;
  const command = recodeCommand(
    options.source,
    isLikeLatin1(line.bytes) ? 'WINDOWS-1252' : 'ENCODING',
    report.gzip,
  );
  const convert = isLikeLatin1(line.bytes)
    ? `It looks like Latin-1: convert it with \`${command}\``
    : `Convert it from the encoding that it is in: \`${command}\``;
  const policy = "or choose invalidUtf8 'replace' or 'skip-document' (--invalid-utf8)";
  throw new CorruptDataError(
    options.source,
    `line ${line.line}, byte ${byteOffset}: not valid UTF-8`,
    `${convert}, ${policy}.`,
    cause,
  );
}

function refuseNul(line: RawLine, byteOffset: number, { options }: DecodeContext): never {
  throw new CorruptDataError(
    options.source,
    `line ${line.line}, byte ${byteOffset}: a NUL byte, which no text has`,
    "The file is binary or damaged. Fetch it again, or choose invalidUtf8 'replace' or 'skip-document' (--invalid-utf8).",
  );
}

interface DecodeContext {
  readonly options: ResolvedReadOptions;
  readonly report: ReadReport;
}

/**
 * Text of a line under the policy for broken UTF-8 and NUL bytes.
 * Throws CorruptDataError with line and byte under `error`.
 */
export function decodeLine(line: RawLine, options: ResolvedReadOptions, report: ReadReport): DecodedLine {
  const context = { options, report };
  const note = (at: number): number => {
    const byteOffset = line.byteOffset + at;
    if (report.invalidUtf8.length < listedPlaces) report.invalidUtf8.push({ line: line.line, byteOffset });
    return byteOffset;
  };
  const nul = line.bytes.indexOf(NUL);
  if (nul !== -1) {
    const byteOffset = note(nul);
    if (options.invalidUtf8 === 'error') refuseNul(line, byteOffset, context);
    return { text: lenient.decode(line.bytes).replaceAll('\0', '\uFFFD'), broken: true };
  }
  try {
    return { text: strict.decode(line.bytes), broken: false };
  } catch (cause) {
    const byteOffset = note(findInvalidUtf8(line.bytes));
    if (options.invalidUtf8 === 'error') refuse(line, byteOffset, context, cause);
    return { text: lenient.decode(line.bytes), broken: true };
  }
}

export interface DecodedLine {
  readonly text: string;
  /** Broken UTF-8 was replaced by U+FFFD. */
  readonly broken: boolean;
}
