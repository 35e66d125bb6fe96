import { createHash } from 'node:crypto';
import { compressFrozen, dispose, tensor } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  assertUnchanged,
  createFormerParameterDigest,
  createParameterDigest,
  digestEachParameter,
  digestParameters,
  ParametersChangedError,
} from './digest.ts';

type Parameters = Map<string, ReturnType<typeof tensor>>;

const make = (values: number[] = [1, -2.5, 3e-8, 4]): Parameters =>
  new Map([
    ['b.weight', tensor(values, [2, 2])],
    ['a.ids', tensor([7, -1], [2], 'int32')],
  ]);

const digestOf = async (parameters: Parameters): Promise<string> => {
  const digest = await digestParameters(parameters);
  dispose(parameters);
  return digest;
};

describe.each(testBackends())('digests on %s', (backend) => {
  beforeAll(async () => void (await selectBackend(backend)));

  it('is the same one parameter at a time, and for bfloat16 weights in bfloat16 storage', async () => {
    const parameters = make([1, -2.5, 2 ** -20, 4]);
    const wanted = await digestParameters(parameters);
    const digest = createParameterDigest();
    await digest.add('a.ids', parameters.get('a.ids')!);
    await digest.add('b.weight', parameters.get('b.weight')!);
    await expect(digest.add('a.ids', parameters.get('a.ids')!)).rejects.toThrow(/must come before/);
    expect(await digest.hex()).toBe(wanted);
    const weight = parameters.get('b.weight')!;
    for (const storage of ['bfloat16', 'int8'] as const) {
      parameters.set('b.weight', await compressFrozen(weight, storage));
      expect((await digestParameters(parameters)) === wanted).toBe(storage === 'bfloat16');
      parameters.get('b.weight')!.dispose();
    }
    dispose([weight, parameters.get('a.ids')!]);
  });

  const [ints, floats] = [Buffer.alloc(8), Buffer.alloc(16)];
  ints.writeInt32LE(7, 0);
  ints.writeInt32LE(-1, 4);
  for (const [i, value] of [1, -2.5, 3e-8, 4].entries()) floats.writeFloatLE(value, 4 * i);
  const sha256 = (...pieces: (string | Buffer)[]): Buffer => {
    const hash = createHash('sha256');
    for (const piece of pieces) hash.update(piece);
    return hash.digest();
  };

  it('is SHA-256 of names, types, shapes and hashes of little-endian bytes, in order of name', async () => {
    const domain = 'moect-parameters/2\0';
    const [a, b] = ['a.ids\0int32\x002\0', 'b.weight\0float32\x002,2\0'];
    expect(await digestOf(make())).toBe(sha256(domain, a, sha256(ints), b, sha256(floats)).toString('hex'));
  });

  it('hashes large parameters in blocks of 16 MiB', async () => {
    const values = Float32Array.from({ length: 2 ** 22 + 3 }, (_, i) => i % 1000);
    const bytes = Buffer.from(values.buffer);
    const [first, rest] = [bytes.subarray(0, 2 ** 24), bytes.subarray(2 ** 24)];
    const wanted = sha256(`moect-parameters/2\0w\0float32\0${values.length}\0`, sha256(first), sha256(rest));
    expect(await digestOf(new Map([['w', tensor(values, [values.length])]]))).toBe(wanted.toString('hex'));
  });

  it('still computes the digest of before, one stream over everything', async () => {
    const parameters = make();
    const digest = createFormerParameterDigest();
    for (const name of ['a.ids', 'b.weight']) await digest.add(name, parameters.get(name)!);
    dispose(parameters);
    const wanted = sha256('a.ids\0int32\x002\0', ints, 'b.weight\0float32\x002,2\0', floats);
    expect(await digest.hex()).toBe(wanted.toString('hex'));
  });

  it('does not depend on insertion order', async () => {
    const reversed = new Map([...make()].reverse());
    expect(await digestOf(reversed)).toBe(await digestOf(make()));
  });

  it('sees a name, a shape, and one bit', async () => {
    const plain = await digestOf(make());
    const renamed = new Map([...make()].map(([name, value]) => [name.replace('b.', 'c.'), value]));
    const reshaped = new Map([...make().set('b.weight', tensor([1, -2.5, 3e-8, 4], [4]))]);
    const all = await Promise.all([
      digestOf(renamed),
      digestOf(reshaped),
      digestOf(make([1.0000001, -2.5, 3e-8, 4])),
      digestOf(make([1, -2.5, -0, 4])),
      digestOf(make([1, -2.5, 0, 4])),
    ]);
    expect(new Set([plain, ...all]).size).toBe(6);
  });

  it('names what moved', async () => {
    const [before, moved] = [make(), make([1, -2.5, 3e-8, 5])];
    const [first, second] = [await digestEachParameter(before), await digestEachParameter(moved)];
    expect(() => assertUnchanged(first, first)).not.toThrow();
    expect(() => assertUnchanged(first, second)).toThrow(ParametersChangedError);
    expect(() => assertUnchanged(first, second)).toThrow(/1 of 2.*b\.weight/);
    expect(() => assertUnchanged('aa', 'aa')).not.toThrow();
    expect(() => assertUnchanged('aa', 'ab')).toThrow(/was aa, is ab/);
    dispose([before, moved]);
  });

  it('leaks nothing', async () => {
    expect(await leakedTensors(async () => void (await digestOf(make())))).toBe(0);
  });
});
