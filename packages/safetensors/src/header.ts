import { CorruptDataError } from '@moect/core';
import { bitsPerElement, isSafetensorsDType, SAFETENSORS_DTYPES, type SafetensorsDType } from './dtype.ts';
import { findDuplicateKey } from './duplicate-keys.ts';

/** A tensor's entry in the header. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** First byte and the one after the last, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Readers and writers of the format agree on this limit, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

const HINT = 'Fetch or write the file again; it is damaged or not a safetensors file.';

/** Throws CorruptDataError; `code` is the error name of the reference implementation. */
export function corrupt(source: string, code: string, reason: string): never {
  throw new CorruptDataError(source, `${reason} (${code})`, HINT);
}

/**
 * Length of the JSON header, from the first 8 bytes.
 * Throws CorruptDataError (HeaderTooSmall, HeaderTooLarge, InvalidHeaderLength).
 */
export function headerLength(prefix: Uint8Array, fileSize: number, source: string): number {
  if (fileSize < 8 || prefix.length < 8)
    corrupt(source, 'HeaderTooSmall', `${fileSize} bytes, at least 8 needed`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    corrupt(source, 'HeaderTooLarge', `header of ${length} bytes, at most ${MAX_HEADER_BYTES} allowed`);
  }
  if (8n + length > BigInt(fileSize)) {
    corrupt(source, 'InvalidHeaderLength', `header of ${length} bytes in a file of ${fileSize}`);
  }
  return Number(length);
}

function parseJson(bytes: Uint8Array, source: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b) corrupt(source, 'InvalidHeaderStart', "the header does not start with '{'");
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return corrupt(source, 'InvalidHeader', 'the header is not UTF-8');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return corrupt(
      source,
      'InvalidHeaderDeserialization',
      `the header is not JSON: ${(error as Error).message}`,
    );
  }
  const twice = findDuplicateKey(text);
  if (twice !== null)
    corrupt(source, 'InvalidHeaderDeserialization', `'${twice}' occurs twice in the header`);
  return json as Record<string, unknown>;
}

function parseMetadata(value: unknown, source: string): Record<string, string> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isRecord || Object.values(value).some((item) => typeof item !== 'string')) {
    corrupt(source, 'InvalidHeaderDeserialization', '__metadata__ must map strings to strings');
  }
  return value as Record<string, string>;
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const isCounts = (x: unknown): x is number[] => Array.isArray(x) && x.every(isCount);

function parseEntry(name: string, value: unknown, source: string): SafetensorsEntry {
  const invalid = (why: string): never =>
    corrupt(source, 'InvalidHeaderDeserialization', `tensor '${name}': ${why}`);
  if (typeof value !== 'object' || value === null) return invalid('not an object');
  const { dtype, shape, data_offsets: offsets, ...rest } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return invalid(`unknown keys ${Object.keys(rest).join(', ')}`);
  if (!isSafetensorsDType(dtype)) {
    return invalid(`unknown dtype ${JSON.stringify(dtype)}; known: ${SAFETENSORS_DTYPES.join(', ')}`);
  }
  if (!isCounts(shape)) return invalid('shape must be a list of whole numbers from 0');
  if (!isCounts(offsets) || offsets.length !== 2)
    return invalid('data_offsets must be two whole numbers from 0');
  return { dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function checkSize(name: string, entry: SafetensorsEntry, source: string): void {
  const sizes = [...entry.shape, bitsPerElement(entry.dtype)];
  let bits = 1;
  for (const size of sizes) {
    bits *= size;
    if (!Number.isSafeInteger(bits)) corrupt(source, 'ValidationOverflow', `tensor '${name}' is too large`);
  }
  if (bits % 8 !== 0) corrupt(source, 'MisalignedSlice', `tensor '${name}' ends inside a byte`);
  if (entry.end - entry.begin !== bits / 8) {
    const has = entry.end - entry.begin;
    corrupt(source, 'TensorInvalidInfo', `tensor '${name}' needs ${bits / 8} bytes and has ${has}`);
  }
}

function checkLayout(
  entries: ReadonlyMap<string, SafetensorsEntry>,
  bufferSize: number,
  source: string,
): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const [name, entry] of sorted) {
    if (entry.begin !== expected || entry.end < entry.begin) {
      const span = `${entry.begin} … ${entry.end}`;
      corrupt(source, 'InvalidOffset', `tensor '${name}' lies at ${span}, expected to begin at ${expected}`);
    }
    expected = entry.end;
  }
  for (const [name, entry] of sorted) checkSize(name, entry, source);
  if (expected !== bufferSize) {
    corrupt(source, 'MetadataIncompleteBuffer', `tensors take ${expected} bytes, the file has ${bufferSize}`);
  }
}

/**
 * Header of a safetensors file, checked as the reference implementation checks it.
 * @param bytes the JSON alone, as long as its length prefix says
 * @param bufferSize bytes after the header
 * Throws CorruptDataError.
 */
export function parseHeader(bytes: Uint8Array, bufferSize: number, source: string): SafetensorsHeader {
  const { __metadata__: metadata, ...tensors } = parseJson(bytes, source);
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(tensors)) entries.set(name, parseEntry(name, value, source));
  checkLayout(entries, bufferSize, source);
  return { entries, metadata: metadata === undefined ? {} : parseMetadata(metadata, source) };
}
