import { CorruptDataError } from '@moect/core';
import { recodeCommand, shellWord } from './recode-command.ts';

/** Bytes at the start of a source that tell what it is: a tar has its name at byte 257, 4 KiB show how NULs lie. */
export const SNIFFED_BYTES = 4096;

interface Kind {
  /** As in "is a PDF". */
  readonly what: string;
  readonly magic: string | readonly number[];
  readonly hint: (source: string) => string;
}

const unpackWith = (command: string) => (source: string) =>
  `Unpack it first, for example with \`${command} ${shellWord(source)}\`, and give the text files in it.`;
const saveAsText = () => 'Save its text as .txt in UTF-8 and give that file.';
const asJsonl = () => 'Convert it to JSONL, with one record a line: {"text": "…"}.';
const wrongFile = () => 'Give the text file instead.';

/** Formats that people give for text, by their first bytes. */
const KINDS: readonly Kind[] = [
  {
    what: 'a PDF',
    magic: '%PDF-',
    hint: (source) =>
      `Take its text out, for example with \`pdftotext ${shellWord(source)}\`, and look at the result.`,
  },
  {
    what: 'a zip archive (or a .docx, .epub, .xlsx, which are zips)',
    magic: 'PK\u0003\u0004',
    hint: unpackWith('unzip'),
  },
  { what: 'an empty zip archive', magic: 'PK\u0005\u0006', hint: wrongFile },
  { what: 'compressed with zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], hint: unpackWith('zstd -d') },
  { what: 'compressed with bzip2', magic: 'BZh', hint: unpackWith('bunzip2 -k') },
  { what: 'compressed with xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], hint: unpackWith('unxz -k') },
  { what: 'compressed with lz4', magic: [0x04, 0x22, 0x4d, 0x18], hint: unpackWith('unlz4') },
  { what: 'compressed with compress (.Z)', magic: [0x1f, 0x9d], hint: unpackWith('uncompress -k') },
  { what: 'a 7z archive', magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], hint: unpackWith('7z x') },
  { what: 'a RAR archive', magic: 'Rar!\u001a\u0007', hint: unpackWith('unrar x') },
  { what: 'a Parquet file', magic: 'PAR1', hint: asJsonl },
  { what: 'an Arrow file', magic: 'ARROW1', hint: asJsonl },
  { what: 'an SQLite database', magic: 'SQLite format 3\u0000', hint: asJsonl },
  { what: 'an HDF5 file', magic: [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a], hint: asJsonl },
  { what: 'a NumPy array', magic: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], hint: asJsonl },
  { what: 'an RTF document', magic: '{\\rtf', hint: saveAsText },
  {
    what: 'an old Office document (.doc, .xls)',
    magic: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
    hint: saveAsText,
  },
  { what: 'a GGUF model', magic: 'GGUF', hint: wrongFile },
  { what: 'a program', magic: [0x7f, 0x45, 0x4c, 0x46], hint: wrongFile },
  { what: 'a PNG image', magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a], hint: wrongFile },
  { what: 'a JPEG image', magic: [0xff, 0xd8, 0xff], hint: wrongFile },
  { what: 'a GIF image', magic: 'GIF8', hint: wrongFile },
  // one gzip around it is unpacked already
  { what: 'more gzip', magic: [0x1f, 0x8b], hint: unpackWith('gunzip -k') },
  {
    what: 'a pointer of Git LFS, not the file itself',
    magic: 'version https://git-lfs.github.com/spec/',
    hint: (source) => `Fetch the file with \`git lfs pull --include=${shellWord(source)}\`.`,
  },
];

/** Markup by its first characters, in any case. A download that failed often leaves a page in place of the file. */
const MARKUP: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(!doctype\s+html|html[\s>])/i, 'a web page (HTML)'],
  [/^\s*<\?xml\s/i, 'an XML document'],
];

function markupOf(head: Uint8Array): string | null {
  const start = new TextDecoder().decode(head.subarray(0, 200));
  return MARKUP.find(([pattern]) => pattern.test(start))?.[1] ?? null;
}

const startsWith = (head: Uint8Array, magic: Kind['magic']): boolean => {
  const bytes = typeof magic === 'string' ? [...magic].map((c) => c.charCodeAt(0)) : magic;
  return head.length >= bytes.length && bytes.every((byte, i) => head[i] === byte);
};

const CHECKSUM = { at: 148, bytes: 8 };
const TAR_HEADER = 512;

/** A tar's header carries the sum of its bytes in octal, its own field counted as blanks. */
function isTar(head: Uint8Array): boolean {
  if (head.length < TAR_HEADER) return false;
  const field = head.subarray(CHECKSUM.at, CHECKSUM.at + CHECKSUM.bytes);
  const given = /^\s*([0-7]+)/.exec(String.fromCharCode(...field))?.[1];
  if (given === undefined) return false;
  const sum = head.subarray(0, TAR_HEADER).reduce((total, byte) => total + byte, 0);
  const own = field.reduce((total, byte) => total + byte, 0);
  return Number.parseInt(given, 8) === sum - own + CHECKSUM.bytes * 0x20;
}

const MARKS: readonly (readonly [readonly number[], string])[] = [
  [[0xff, 0xfe, 0x00, 0x00], 'UTF-32LE'],
  [[0x00, 0x00, 0xfe, 0xff], 'UTF-32BE'],
  [[0xff, 0xfe], 'UTF-16LE'],
  [[0xfe, 0xff], 'UTF-16BE'],
];

/** Share of the NULs that must lie alike: text of UTF-16 has hardly a character whose low byte is 0. */
const REGULAR = 0.95;
/** A few stray NULs say nothing; the blanks and line ends of any UTF-16 text are more than one byte in 200. */
const BYTES_A_NUL = 200;

/** UTF-16 or UTF-32 without a mark, by where the NUL bytes of its blanks, line ends and Latin letters lie. */
function unmarkedEncoding(head: Uint8Array): string | null {
  const at = [0, 0, 0, 0];
  head.forEach((byte, i) => {
    if (byte === 0) at[i % 4]!++;
  });
  const nuls = at.reduce((sum, count) => sum + count, 0);
  if (nuls < 2 || nuls < head.length / BYTES_A_NUL) return null;
  const units = head.length / 4;
  if (at[2]! + at[3]! > units * 2 * REGULAR) return 'UTF-32LE';
  if (at[0]! + at[1]! > units * 2 * REGULAR) return 'UTF-32BE';
  if (at[1]! + at[3]! > nuls * REGULAR) return 'UTF-16LE';
  if (at[0]! + at[2]! > nuls * REGULAR) return 'UTF-16BE';
  return null;
}

function refuseEncoding(encoding: string, how: string, source: string, isGzip: boolean): never {
  throw new CorruptDataError(
    source,
    `line 1, byte 0: ${encoding} text, ${how}; text must be UTF-8`,
    `Convert it: \`${recodeCommand(source, encoding, isGzip)}\`.`,
  );
}

/**
 * Refuses what is no text in UTF-8, by name and with what to do: UTF-16 and UTF-32 with and without a mark, PDFs,
 * archives, tables, pointers of Git LFS. Throws CorruptDataError.
 * @param head the first {@link SNIFFED_BYTES} bytes, or all of a shorter source
 */
export function refuseOtherKinds(head: Uint8Array, source: string, isGzip: boolean): void {
  const mark = MARKS.find(([magic]) => startsWith(head, magic));
  if (mark !== undefined) refuseEncoding(mark[1], 'as its byte order mark says', source, isGzip);
  const kind = KINDS.find(({ magic }) => startsWith(head, magic));
  if (kind !== undefined) {
    const inside = isGzip ? 'is gzip, and inside it is ' : 'is ';
    throw new CorruptDataError(source, `${inside}${kind.what}: no text`, kind.hint(source));
  }
  const markup = markupOf(head);
  if (markup !== null) {
    const hint = 'Fetch the file again if a failed download left it; else take the text out of the markup.';
    throw new CorruptDataError(source, `is ${markup}: no plain text`, hint);
  }
  if (isTar(head)) {
    const command = isGzip ? 'tar xzf' : 'tar xf';
    throw new CorruptDataError(source, 'is a tar archive: no text', unpackWith(command)(source));
  }
  const encoding = unmarkedEncoding(head);
  if (encoding !== null) refuseEncoding(encoding, 'by where its NUL bytes lie', source, isGzip);
}
