import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Sha256, sha256Hex } from './sha256.ts';

const reference = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

describe('Sha256', () => {
  it('agrees with the published example', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])(
    'agrees with Node on %d bytes, in one piece or two',
    (n) => {
      const data = Uint8Array.from({ length: n }, (_, i) => (i * 31) & 255);
      expect(new Sha256().update(data).hex()).toBe(reference(data));
      const cut = Math.floor(n / 3);
      expect(new Sha256().update(data.subarray(0, cut)).update(data.subarray(cut)).hex()).toBe(
        reference(data),
      );
    },
  );

  it('takes strings as UTF-8 and integers as little-endian', () => {
    expect(sha256Hex('é漢')).toBe(reference(new TextEncoder().encode('é漢')));
    const bytes = Uint8Array.of(1, 0, 0, 0, 255, 255, 255, 255, 0, 1, 0, 0);
    expect(new Sha256().updateInt32(Int32Array.of(1, -1, 256)).hex()).toBe(reference(bytes));
  });
});
