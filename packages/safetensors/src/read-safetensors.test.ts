import { CorruptDataError, NoMatchingParameterError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { bytesSource } from './byte-source.ts';
import { bitsPerElement } from './dtype.ts';
import { findDuplicateKey } from './duplicate-keys.ts';
import { readSafetensors } from './read-safetensors.ts';

/** A file with the given header text, byte count and length prefix. */
function file(header: string | Uint8Array, dataBytes: number, prefix?: bigint): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, prefix ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (shape: number[], begin: number, end: number, dtype = 'F32'): object => {
  return { dtype, shape, data_offsets: [begin, end] };
};
const json = (value: object): string => JSON.stringify(value);

const bad: [code: string, why: string, bytes: Uint8Array][] = [
  ['HeaderTooSmall', 'no length prefix', new Uint8Array(7)],
  ['HeaderTooLarge', 'header above 100 MB', file('{}', 0, 100_000_001n)],
  ['HeaderTooLarge', 'length with the top bit set', file('{}', 0, 1n << 63n)],
  [
    'InvalidHeaderLength',
    'truncated inside the header',
    file(json({ a: entry([1], 0, 4) }), 4).subarray(0, 20),
  ],
  ['InvalidHeaderStart', 'space before the header', file(' {}', 0)],
  ['InvalidHeaderStart', 'empty header', file('', 0)],
  ['InvalidHeader', 'not UTF-8', file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 0)],
  ['InvalidHeaderDeserialization', 'not JSON', file('{"a":', 0)],
  [
    'InvalidHeaderDeserialization',
    'duplicate tensor',
    file(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
    ),
  ],
  [
    'InvalidHeaderDeserialization',
    'duplicate key in an entry',
    file('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1),
  ],
  ['InvalidHeaderDeserialization', 'unknown dtype', file(json({ a: entry([1], 0, 4, 'F31') }), 4)],
  [
    'InvalidHeaderDeserialization',
    'dtype of the prototype',
    file(json({ a: entry([1], 0, 4, 'toString') }), 4),
  ],
  ['InvalidHeaderDeserialization', 'negative size', file(json({ a: entry([-1], 0, 4) }), 4)],
  ['InvalidHeaderDeserialization', 'broken size', file(json({ a: entry([1.5], 0, 6) }), 6)],
  ['InvalidHeaderDeserialization', 'missing offsets', file(json({ a: { dtype: 'F32', shape: [1] } }), 4)],
  ['InvalidHeaderDeserialization', 'unknown key', file(json({ a: { ...entry([1], 0, 4), extra: 1 } }), 4)],
  ['InvalidHeaderDeserialization', 'entry that is null', file('{"a":null}', 0)],
  ['InvalidHeaderDeserialization', 'metadata with a number', file(json({ __metadata__: { a: 1 } }), 0)],
  ['InvalidOffset', 'hole at the start', file(json({ a: entry([1], 4, 8) }), 8)],
  ['InvalidOffset', 'hole between', file(json({ a: entry([1], 0, 4), b: entry([1], 8, 12) }), 12)],
  ['InvalidOffset', 'overlap', file(json({ a: entry([2], 0, 8), b: entry([1], 4, 8) }), 8)],
  ['InvalidOffset', 'end before begin', file(json({ a: entry([1], 0, 4), b: entry([0], 4, 0) }), 4)],
  ['TensorInvalidInfo', 'too few bytes for the shape', file(json({ a: entry([2], 0, 4) }), 4)],
  ['ValidationOverflow', 'product beyond 2^53', file(json({ a: entry([2 ** 40, 2 ** 40], 0, 4) }), 4)],
  ['MisalignedSlice', 'half a byte', file(json({ a: entry([1], 0, 1, 'F4') }), 1)],
  ['MetadataIncompleteBuffer', 'trailing bytes', file(json({ a: entry([1], 0, 4) }), 5)],
  ['MetadataIncompleteBuffer', 'missing bytes', file(json({ a: entry([1], 0, 4) }), 3)],
];

describe('readSafetensors', () => {
  it.each(bad)('refuses with %s: %s', async (code, _why, bytes) => {
    const error = await readSafetensors(bytes, 'broken.safetensors').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CorruptDataError);
    expect((error as CorruptDataError).source).toBe('broken.safetensors');
    expect((error as Error).message).toContain(`(${code})`);
  });

  it('accepts padding, metadata, rank 0, empty tensors and any order', async () => {
    const header = json({
      __metadata__: { format: 'pt' },
      second: entry([1], 4, 8),
      first: entry([], 0, 4),
      empty: entry([0, 3], 4, 4),
    });
    const opened = await readSafetensors(file(`${header}   `, 8));
    expect(opened.metadata).toEqual({ format: 'pt' });
    expect([...opened.entries.keys()]).toEqual(['second', 'first', 'empty']);
    expect(await opened.tensor('empty')).toEqual({ shape: [0, 3], data: new Float32Array(0) });
    expect((await opened.tensor('first')).shape).toEqual([]);
  });

  it('decodes every type it promises, at any alignment', async () => {
    const values: [string, ArrayBufferView, number[]][] = [
      ['F64', Float64Array.of(1.5, -2), [1.5, -2]],
      ['F32', Float32Array.of(0.25, -3), [0.25, -3]],
      ['F16', Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff), [1, -2, 2 ** -24, 65504]],
      ['BF16', Uint16Array.of(0x3f80, 0xc000), [1, -2]],
      ['I64', BigInt64Array.of(-5n, 7n), [-5, 7]],
      ['U64', BigUint64Array.of(9n), [9]],
      ['I32', Int32Array.of(-1, 2), [-1, 2]],
      ['U32', Uint32Array.of(3), [3]],
      ['I16', Int16Array.of(-4), [-4]],
      ['U16', Uint16Array.of(65535), [65535]],
      ['I8', Int8Array.of(-128), [-128]],
      ['U8', Uint8Array.of(255), [255]],
      ['BOOL', Uint8Array.of(1, 0), [1, 0]],
    ];
    for (const [dtype, stored, expected] of values) {
      const size = stored.byteLength;
      const header = json({ odd: entry([1], 0, 1, 'U8'), x: entry([expected.length], 1, 1 + size, dtype) });
      const bytes = file(header, 1 + size);
      bytes.set(new Uint8Array(stored.buffer), bytes.length - size);
      const { data } = await (await readSafetensors(Buffer.from(bytes))).tensor('x');
      expect([dtype, ...data]).toEqual([dtype, ...expected]);
      expect(bitsPerElement(dtype as 'F32') * expected.length).toBe(8 * size);
    }
  });

  it('refuses values that do not fit and types without decoder', async () => {
    const read = async (dtype: string, stored: ArrayBufferView): Promise<unknown> => {
      const bytes = file(json({ x: entry([1], 0, stored.byteLength, dtype) }), stored.byteLength);
      bytes.set(new Uint8Array(stored.buffer), bytes.length - stored.byteLength);
      return (await readSafetensors(bytes)).tensor('x').catch((e: unknown) => e);
    };
    expect(await read('I64', BigInt64Array.of(2n ** 31n))).toBeInstanceOf(CorruptDataError);
    expect(await read('U32', Uint32Array.of(2 ** 31))).toBeInstanceOf(CorruptDataError);
    expect(await read('BOOL', Uint8Array.of(2))).toBeInstanceOf(CorruptDataError);
    expect(await read('F8_E4M3', Uint8Array.of(1))).toBeInstanceOf(CorruptDataError);
    expect(await read('F32', Float32Array.of(Number.NaN))).toBeInstanceOf(CorruptDataError);
    expect(await read('BF16', Uint16Array.of(0x7f80))).toBeInstanceOf(CorruptDataError);
  });

  it('reads non-finite values only when asked to, and names tensors that are not there', async () => {
    const bytes = file(json({ x: entry([1], 0, 4) }), 4);
    bytes.set(new Uint8Array(Float32Array.of(Number.POSITIVE_INFINITY).buffer), bytes.length - 4);
    const opened = await readSafetensors(bytes);
    expect((await opened.tensor('x', { allowNonFinite: true })).data[0]).toBe(Number.POSITIVE_INFINITY);
    await expect(opened.tensor('y')).rejects.toBeInstanceOf(NoMatchingParameterError);
  });

  it('reads only the ranges it needs', async () => {
    const bytes = file(json({ a: entry([2], 0, 8), b: entry([1], 8, 12) }), 12);
    const ranges: number[] = [];
    const inner = bytesSource(bytes, 'x');
    const read: typeof inner.read = (begin, end) => {
      ranges.push(end - begin);
      return inner.read(begin, end);
    };
    const source = { ...inner, read };
    await (await readSafetensors(source)).tensor('b');
    expect(ranges).toEqual([64, bytes.length - 20, 4]);
  });
});

describe('findDuplicateKey', () => {
  it('sees through escapes and nesting, and not into values', () => {
    expect(findDuplicateKey('{"a":1,"b":[{"a":2},{"a":3}],"c":"a"}')).toBeNull();
    expect(findDuplicateKey('{"a":{"b":1,"c":{},"b" : 2}}')).toBe('b');
    expect(findDuplicateKey('{"\\"":1,"x":"\\"","\\u0022":2}')).toBe('"');
    expect(findDuplicateKey('["a","a",{"k":"k"}]')).toBeNull();
  });
});
