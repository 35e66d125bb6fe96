import { CorruptDataError, decodeFloat16, encodeFloat16, ShapeMismatchError } from '@moect/core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from './dtype.ts';
import { readSafetensors } from './read-safetensors.ts';
import { writeSafetensors } from './write-safetensors.ts';

const floats = (...values: number[]): HostTensor => ({
  shape: [values.length],
  data: Float32Array.from(values),
});
const headerOf = (bytes: Uint8Array): string => {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + length));
};

describe('writeSafetensors', () => {
  it('sorts by alignment, then name, and pads the header to 8 bytes', async () => {
    const bytes = writeSafetensors(
      [
        ['b', { shape: [3], data: Uint8Array.of(1, 2, 3) }],
        ['z', floats(1)],
        ['a', { shape: [1], data: Int32Array.of(-7) }],
        ['c', floats(2, 3)],
      ],
      { metadata: { made: 'here' } },
    );
    const header = headerOf(bytes);
    expect(header.length % 8).toBe(0);
    const parsed = JSON.parse(header) as Record<string, { data_offsets?: number[] }>;
    expect(Object.keys(parsed)).toEqual(['__metadata__', 'c', 'z', 'a', 'b']);
    expect(parsed['__metadata__']).toEqual({ format: 'pt', made: 'here' });
    expect(parsed['b']!.data_offsets).toEqual([16, 19]);
    const file = await readSafetensors(bytes);
    expect([...(await file.tensor('c')).data]).toEqual([2, 3]);
    expect([...(await file.tensor('a')).data]).toEqual([-7]);
    expect([...(await file.tensor('b')).data]).toEqual([1, 2, 3]);
  });

  it('stores float32 as bfloat16 and float16 when asked to', async () => {
    for (const dtype of ['BF16', 'F16'] as const) {
      const file = await readSafetensors(writeSafetensors([['x', floats(1, -0.5, 3)]], { dtype }));
      expect(file.entries.get('x')).toMatchObject({ dtype, begin: 0, end: 6 });
      expect([...(await file.tensor('x')).data]).toEqual([1, -0.5, 3]);
    }
  });

  it('refuses NaN, overflow, wrong shapes and impossible names', () => {
    const write =
      (name: string, tensor: HostTensor, options = {}) =>
      (): unknown =>
        writeSafetensors([[name, tensor]], options);
    expect(write('x', floats(1, Number.NaN))).toThrow(CorruptDataError);
    expect(write('x', floats(1e6), { dtype: 'F16' })).toThrow(/1000000 at element 0 is too large/);
    expect(write('x', floats(3.4e38), { dtype: 'BF16' })).toThrow(CorruptDataError);
    expect(write('x', { shape: [3], data: new Float32Array(2) })).toThrow(ShapeMismatchError);
    expect(write('__metadata__', floats(1))).toThrow(CorruptDataError);
    expect(() =>
      writeSafetensors([
        ['x', floats(1)],
        ['x', floats(2)],
      ]),
    ).toThrow(/twice/);
    expect(write('x', floats(Number.NaN), { allowNonFinite: true })).not.toThrow();
  });
});

describe('half precision', () => {
  it('float16 survives decoding and encoding for every bit pattern', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const back = encodeFloat16(decodeFloat16(all));
    const isNan = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    expect(all.filter((bits) => back[bits] !== bits && !isNan(bits))).toEqual(new Uint16Array(0));
    expect(all.every((bits) => isNan(bits) === isNan(back[bits]!))).toBe(true);
  });

  it('float16 rounds to nearest, ties to even', () => {
    const ulp = 2 ** -10;
    const cases = [
      1 + ulp / 2,
      1 + 1.5 * ulp,
      1 + 0.51 * ulp,
      65519,
      65520,
      2 ** -25,
      1.01 * 2 ** -25,
      3 * 2 ** -25,
    ];
    const rounded = decodeFloat16(encodeFloat16(Float32Array.from(cases)));
    expect([...rounded]).toEqual([1, 1 + 2 * ulp, 1 + ulp, 65504, Infinity, 0, 2 ** -24, 2 ** -23]);
  });
});
