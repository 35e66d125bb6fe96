import { InvalidConfigError } from '@moect/core';
import { corruptGguf, type HeaderBytes } from './header-bytes.ts';
import type { GgufMetadata } from './metadata.ts';
import { GGUF_TENSOR_TYPES, type GgufTensorType, ggufTensorType } from './tensor-types.ts';

/** A tensor's entry in the header. */
export interface GgufTensorEntry {
  readonly type: GgufTensorType;
  /** Row-major, the last dimension within a row: GGML's dimensions in reverse. */
  readonly shape: readonly number[];
  /** First byte and the one after the last, in the file. */
  readonly begin: number;
  readonly end: number;
}

/** An entry with its place counted from the end of the header. */
type Unplaced = Omit<GgufTensorEntry, 'end'>;

const MAX_RANK = 4;

const DEFAULT_ALIGNMENT = 32;

function readType(header: HeaderBytes, name: string): GgufTensorType {
  const id = header.uint32();
  const type = ggufTensorType(id);
  if (type === null) return corruptGguf(header.source, `tensor '${name}' has the unknown type ${id}`);
  if (typeof type !== 'string') return type;
  throw new InvalidConfigError(
    header.source,
    [
      {
        path: name,
        message: `is stored as ${type}; read are ${GGUF_TENSOR_TYPES.map((read) => read.name).join(', ')}`,
      },
    ],
    'Take a file of the same model in another quantization, for example Q4_K_M or Q8_0.',
  );
}

function readEntry(header: HeaderBytes, name: string): Unplaced {
  const rank = header.uint32();
  if (rank > MAX_RANK) corruptGguf(header.source, `tensor '${name}' has ${rank} dimensions`);
  const sizes = Array.from({ length: rank }, (_, i) => header.uint64(`dimension ${i} of '${name}'`));
  const type = readType(header, name);
  return { type, shape: sizes.reverse(), begin: header.uint64(`the place of '${name}'`) };
}

/** Reads the entries of `count` tensors. Throws CorruptDataError, and InvalidConfigError for types that are not read. */
export function readTensorEntries(header: HeaderBytes, count: number): ReadonlyMap<string, Unplaced> {
  const entries = new Map<string, Unplaced>();
  for (let i = 0; i < count; i++) {
    const name = header.text(`the name of tensor ${i}`);
    if (entries.has(name)) corruptGguf(header.source, `tensor '${name}' occurs twice`);
    entries.set(name, readEntry(header, name));
  }
  return entries;
}

function bytesOf(name: string, { type, shape }: Unplaced, source: string): number {
  const columns = shape.at(-1) ?? 1;
  if (columns % type.values !== 0) {
    corruptGguf(source, `tensor '${name}' has rows of ${columns} values, no whole blocks of ${type.name}`);
  }
  const bytes = shape.reduce((product, size) => product * size, type.bytes / type.values);
  if (!Number.isSafeInteger(bytes)) corruptGguf(source, `tensor '${name}' is too large`);
  return bytes;
}

function alignmentOf(metadata: GgufMetadata, source: string): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  const isPower = typeof alignment === 'number' && alignment > 0 && Number.isInteger(Math.log2(alignment));
  if (!isPower) return corruptGguf(source, `general.alignment is ${String(alignment)}, no power of two`);
  return alignment;
}

/** Places of the tensors in the file, which must hold all of them, none across another. Throws CorruptDataError. */
export function layOut(
  entries: ReadonlyMap<string, Unplaced>,
  metadata: GgufMetadata,
  { offset, source }: HeaderBytes,
  fileSize: number,
): ReadonlyMap<string, GgufTensorEntry> {
  const alignment = alignmentOf(metadata, source);
  const start = Math.ceil(offset / alignment) * alignment;
  const placed = [...entries].map(([name, entry]): [string, GgufTensorEntry] => {
    const begin = start + entry.begin;
    const end = begin + bytesOf(name, entry, source);
    if (entry.begin % alignment !== 0) {
      corruptGguf(source, `tensor '${name}' lies at ${entry.begin}, no multiple of ${alignment}`);
    }
    if (end > fileSize) {
      corruptGguf(source, `tensor '${name}' lies at ${begin} … ${end}, the file ends at ${fileSize}`);
    }
    return [name, { ...entry, begin, end }];
  });
  const sorted = placed.toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [i, [name, { begin }]] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before !== undefined && before[1].end > begin) {
      corruptGguf(source, `tensors '${before[0]}' and '${name}' lie across each other`);
    }
  }
  return new Map(placed);
}
