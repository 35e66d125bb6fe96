import { corruptGguf, type HeaderBytes } from './header-bytes.ts';

/** A value of a GGUF header; whole numbers of 64 bits are exact or refused. */
export type GgufValue = string | number | boolean | readonly GgufValue[];

/** Values by key, such as `general.architecture`. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Arrays inside arrays; real headers have none. */
const MAX_DEPTH = 4;

/** Values of an array; the largest, lists of merges, have below a million. */
const MAX_VALUES = 4_000_000;

type Reader = (header: HeaderBytes, what: string) => GgufValue;

interface ValueType {
  /** Fewest bytes of a value. */
  readonly bytes: number;
  readonly read: Reader;
}

const number = (bytes: number, read: (view: DataView, at: number) => number): ValueType => ({
  bytes,
  read: (header) => header.scalar(bytes, read),
});

function readBool(header: HeaderBytes, what: string): boolean {
  const value = header.scalar(1, (view, at) => view.getUint8(at));
  if (value > 1) corruptGguf(header.source, `${what} is ${value}, a boolean is 0 or 1`);
  return value === 1;
}

function readInt64(header: HeaderBytes, what: string): number {
  const value = Number(header.scalar(8, (view, at) => view.getBigInt64(at, true)));
  if (!Number.isSafeInteger(value)) corruptGguf(header.source, `${what} is ${value}`);
  return value;
}

/** By number, `enum gguf_type` of gguf.h. */
const TYPES: readonly ValueType[] = [
  number(1, (view, at) => view.getUint8(at)),
  number(1, (view, at) => view.getInt8(at)),
  number(2, (view, at) => view.getUint16(at, true)),
  number(2, (view, at) => view.getInt16(at, true)),
  number(4, (view, at) => view.getUint32(at, true)),
  number(4, (view, at) => view.getInt32(at, true)),
  number(4, (view, at) => view.getFloat32(at, true)),
  { bytes: 1, read: readBool },
  { bytes: 8, read: (header, what) => header.text(what) },
  { bytes: 12, read: (header, what) => readArray(header, what, 0) },
  { bytes: 8, read: (header, what) => header.uint64(what) },
  { bytes: 8, read: readInt64 },
  number(8, (view, at) => view.getFloat64(at, true)),
];

const ARRAY = 9;

function typeOf(header: HeaderBytes, what: string): ValueType & { readonly id: number } {
  const id = header.uint32();
  const type = TYPES[id];
  if (type === undefined) return corruptGguf(header.source, `${what} has the unknown type ${id}`);
  return { ...type, id };
}

function readArray(header: HeaderBytes, what: string, depth: number): readonly GgufValue[] {
  if (depth === MAX_DEPTH) corruptGguf(header.source, `${what} holds arrays in arrays`);
  const { id, bytes, read } = typeOf(header, what);
  const count = header.count(`values of ${what}`, bytes);
  if (count > MAX_VALUES) {
    corruptGguf(header.source, `${what} has ${count} values, at most ${MAX_VALUES} are read`);
  }
  const next: Reader = id === ARRAY ? (inner) => readArray(inner, what, depth + 1) : read;
  const values: GgufValue[] = [];
  for (let i = 0; i < count; i++) values.push(next(header, what));
  return values;
}

/** Reads `count` keys with their values. Throws CorruptDataError. */
export function readMetadata(header: HeaderBytes, count: number): GgufMetadata {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = header.text(`key ${i}`);
    if (metadata.has(key)) corruptGguf(header.source, `the key '${key}' occurs twice`);
    metadata.set(key, typeOf(header, `'${key}'`).read(header, `'${key}'`));
  }
  return metadata;
}
