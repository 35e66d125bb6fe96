import { readFile } from 'node:fs/promises';
import { gguf } from '@huggingface/gguf';
import { CorruptDataError, InvalidConfigError } from '@moect/core';
import { fixture } from 'moect-test-support/fixtures';
import { describe, expect, it } from 'vitest';
import { blobSource, bytesSource } from '../byte-source.ts';
import { openGguf } from '../node/open-files.ts';
import { readGguf } from './read-gguf.ts';

/** Little-endian parts of a GGUF file. */
const uint32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const uint64 = (value: number | bigint): Uint8Array =>
  new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string): Uint8Array => join(uint64(Buffer.byteLength(value)), Buffer.from(value));
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

interface Part {
  readonly name?: string;
  readonly dims?: readonly (number | bigint)[];
  readonly type?: number;
  readonly offset?: number | bigint;
}

const tensor = ({ name = 'a', dims = [32], type = 0, offset = 0 }: Part): Uint8Array =>
  join(text(name), uint32(dims.length), ...dims.map(uint64), uint32(type), uint64(offset));

/** A file with these tensors, keys (already written) and bytes of data. */
function file(
  tensors: readonly Part[],
  {
    keys = [] as readonly Uint8Array[],
    data = 128,
    version = 3,
    tensorCount = tensors.length as number | bigint,
    keyCount = keys.length as number | bigint,
  } = {},
): Uint8Array {
  const counts = [uint64(tensorCount), uint64(keyCount)];
  const header = join(Buffer.from('GGUF'), uint32(version), ...counts, ...keys, ...tensors.map(tensor));
  const padding = (32 - (header.length % 32)) % 32;
  return join(header, new Uint8Array(padding + data));
}

const key = (name: string, type: number, ...value: Uint8Array[]): Uint8Array =>
  join(text(name), uint32(type), ...value);

const bad: [why: string, bytes: Uint8Array, message: RegExp][] = [
  ['nothing', new Uint8Array(0), /ends inside its header, after 0 bytes/],
  ['another format', Buffer.from('PK\u0003\u0004 and more than that'), /does not begin with 'GGUF'/],
  ['version 1', file([], { version: 1 }), /has version 1 of the format/],
  ['version 4', file([], { version: 4 }), /has version 4/],
  ['big-endian', file([], { version: 3 << 24 }), /is written big-endian/],
  ['cut inside the header', file([{}]).subarray(0, 40), /ends inside its header, after 40 bytes/],
  ['cut inside a tensor', file([{}]).subarray(0, -1), /lies at \d+ … \d+, the file ends at/],
  [
    'absurd number of tensors',
    file([], { tensorCount: 1n << 40n }),
    /says that 1099511627776 tensors follow/,
  ],
  [
    'more tensors than numbers are exact',
    file([], { tensorCount: 1n << 60n }),
    /the number of tensors is 115/,
  ],
  ['absurd number of keys', file([], { keyCount: 1_000_000 }), /says that 1000000 keys follow/],
  ['absurd text', file([], { keys: [uint64(1n << 33n)] }), /says that 8589934592 bytes of key 0 follow/],
  ['unknown type of a value', file([], { keys: [key('k', 13)] }), /'k' has the unknown type 13/],
  ['unknown type in an array', file([], { keys: [key('k', 9, uint32(99), uint64(0))] }), /unknown type 99/],
  [
    'absurd array',
    file([], { keys: [key('k', 9, uint32(4), uint64(1n << 34n))] }),
    /says that 17179869184 values of 'k' follow/,
  ],
  [
    'arrays in arrays in arrays',
    file([], { keys: [key('k', 9, ...Array.from({ length: 9 }, () => join(uint32(9), uint64(1))))] }),
    /holds arrays in arrays/,
  ],
  ['a boolean of 2', file([], { keys: [key('k', 7, Uint8Array.of(2))] }), /'k' is 2, a boolean is 0 or 1/],
  [
    'the same key twice',
    file([], { keys: [key('k', 0, Uint8Array.of(1)), key('k', 0, Uint8Array.of(1))] }),
    /the key 'k' occurs twice/,
  ],
  [
    'text that is not UTF-8',
    file([], { keys: [join(uint64(1), Uint8Array.of(0xff))] }),
    /key 0 is not UTF-8/,
  ],
  ['the same tensor twice', file([{}, { offset: 128 }], { data: 256 }), /tensor 'a' occurs twice/],
  ['unknown type of a tensor', file([{ type: 77 }]), /tensor 'a' has the unknown type 77/],
  ['five dimensions', file([{ dims: [1, 1, 1, 1, 1] }]), /tensor 'a' has 5 dimensions/],
  ['no whole blocks', file([{ dims: [33], type: 8 }]), /rows of 33 values, no whole blocks of Q8_0/],
  ['a huge tensor', file([{ dims: [1n << 31n, 1n << 31n] }]), /tensor 'a' is too large/],
  ['a large tensor in a small file', file([{ dims: [1 << 20, 1 << 12] }]), /lies at .* the file ends at/],
  ['a place that is no multiple', file([{ offset: 4, dims: [1] }]), /lies at 4, no multiple of 32/],
  ['a place outside of the file', file([{ offset: 1 << 30 }]), /the file ends at/],
  [
    'tensors across each other',
    file([{}, { name: 'b', offset: 64 }], { data: 256 }),
    /'a' and 'b' lie across/,
  ],
  [
    'an alignment that is none',
    file([], { keys: [key('general.alignment', 4, uint32(24))] }),
    /general\.alignment is 24, no power of two/,
  ],
];

describe('readGguf', () => {
  it.each(bad)('refuses %s', async (_, bytes, message) => {
    const refused = readGguf(bytes, 'x.gguf');
    await expect(refused).rejects.toThrow(CorruptDataError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(/^x\.gguf/);
  });

  it.each([
    [10, 'Q2_K'],
    [20, 'IQ4_NL'],
    [35, 'TQ2_0'],
  ])('refuses type %i by its name, %s, and says what would be read', async (type, name) => {
    const refused = readGguf(file([{ dims: [256], type }], { data: 1024 }), 'x.gguf');
    await expect(refused).rejects.toThrow(InvalidConfigError);
    await expect(refused).rejects.toThrow(new RegExp(`a: is stored as ${name}; read are F32, F16, .*Q6_K`));
    await expect(refused).rejects.toThrow(/for example Q4_K_M/);
  });

  it('every cut of a whole file is refused, and every byte of its header may be wrong', async () => {
    const whole = file([{ dims: [32, 2], type: 8 }], {
      keys: [key('k', 9, uint32(8), uint64(1), text('v'))],
      data: 68,
    });
    await readGguf(whole);
    for (let size = 0; size < whole.length; size++) {
      await expect(readGguf(whole.subarray(0, size))).rejects.toThrow(CorruptDataError);
    }
    for (let at = 0; at < whole.length - 68; at++) {
      const changed = Uint8Array.from(whole);
      changed[at]! ^= 0xff;
      // a changed text is another text; nothing but the errors of this format may come out
      await readGguf(changed).catch((error: Error) => {
        expect(['CorruptDataError', 'InvalidConfigError'], `byte ${at}: ${error.message}`).toContain(
          error.name,
        );
      });
    }
  });

  it.each(['stories260k', 'llama-q4_k', 'llama-bf16', 'gpt2'])(
    '%s: what @huggingface/gguf reads',
    async (name) => {
      const path = fixture(`gguf/${name}.gguf`);
      const bytes = await readFile(path);
      const theirs = await gguf('https://file.invalid/x.gguf', {
        fetch: async (_, init) => {
          const range = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range')!)!;
          return new Response(new Uint8Array(bytes.subarray(Number(range[1]), Number(range[2]) + 1)));
        },
      });
      const ours = await readGguf(bytes);
      const { version: _v, tensor_count: _t, kv_count: _k, ...metadata } = theirs.metadata;
      expect(Object.fromEntries(ours.metadata)).toEqual(metadata);
      const entries = [...ours.entries].map(([key, { shape, begin }]) => [key, [...shape].reverse(), begin]);
      const places = theirs.tensorInfos.map(({ name: key, shape, offset }) => {
        return [key, shape.map(Number), Number(theirs.tensorDataOffset + offset)];
      });
      expect(entries).toEqual(places);
    },
  );

  it('reads parts of bytes, of a Blob and of a file alike', async () => {
    const path = fixture('gguf/llama-q5_1.gguf');
    const bytes = await readFile(path);
    const inMemory = await readGguf(bytesSource(bytes, path));
    const ofBlob = await readGguf(blobSource(new Blob([new Uint8Array(bytes)]), path));
    const onDisk = await openGguf(path);
    const tensors = await Promise.all(
      [inMemory, ofBlob, onDisk].map((one) => one.bytes('blk.1.ffn_up.weight')),
    );
    await onDisk.close();
    expect(tensors[0]).toHaveLength((32 * 256 * 24) / 32);
    expect(Buffer.compare(tensors[0]!, tensors[1]!)).toBe(0);
    expect(Buffer.compare(tensors[0]!, tensors[2]!)).toBe(0);
    await expect(onDisk.bytes('none')).rejects.toThrow(/nothing matches none/);
  });
});
