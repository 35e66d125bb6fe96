import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestFile, syncFolder, writeDurable } from './durable-files.ts';
import { fileSource } from './file-source.ts';
import { openSafetensors } from './open-files.ts';
import { readJsonFile } from './read-json.ts';
import { writeFileAtomic, writeJsonAtomic, writeSafetensorsFile } from './write-atomic.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

const one = (value: number) => ({ shape: [1], data: Float32Array.of(value) });

describe('atomic writing', () => {
  it('replaces the file and leaves nothing else behind', async () => {
    const path = join(folder, 'x.json');
    await writeJsonAtomic(path, { a: 1 });
    await writeJsonAtomic(path, { a: 2 });
    expect(await readFile(path, 'utf8')).toBe('{\n  "a": 2\n}\n');
    expect(await readdir(folder)).toEqual(['x.json']);
  });

  it('keeps the old file when writing fails midway', async () => {
    const path = join(folder, 'x.bin');
    await writeFileAtomic(path, Uint8Array.of(1));
    const failing = function* (): Generator<Uint8Array> {
      yield Uint8Array.of(2);
      throw new Error('disk full');
    };
    await expect(writeFileAtomic(path, failing())).rejects.toThrow('disk full');
    expect([...(await readFile(path))]).toEqual([1]);
    expect(await readdir(folder)).toEqual(['x.bin']);
  });
});

describe('durable writing', () => {
  it('gives the digest of what it wrote, and never writes over a file', async () => {
    const path = join(folder, 'x.bin');
    const digest = await writeDurable(path, ['ab', Uint8Array.of(0x63)]);
    // SHA-256 of 'abc', FIPS 180-2
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(digest).toEqual({ bytes: 3, sha256 });
    expect(await digestFile(path)).toEqual(digest);
    await expect(writeDurable(path, ['d'])).rejects.toThrow(/EEXIST/);
    expect(await readFile(path, 'utf8')).toBe('abc');
    await syncFolder(folder);
  });
});

describe('reading', () => {
  it('reads tensors by range and refuses a file cut after opening', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensorsFile(path, [
      ['a', one(1)],
      ['b', one(2)],
    ]);
    const file = await openSafetensors(path);
    expect([...(await file.tensor('b')).data]).toEqual([2]);
    await truncate(path, 20);
    await expect(file.tensor('b')).rejects.toBeInstanceOf(CorruptDataError);
    await file.close();
    await expect(openSafetensors(path)).rejects.toBeInstanceOf(CorruptDataError);
  });

  it('reads more than 2 GiB at once', async () => {
    // Node aborts for a single read of that size. The file has no blocks on the disk
    const path = join(folder, 'large.bin');
    await writeFile(path, 'a');
    const size = 2 ** 31 + 16;
    await truncate(path, size);
    const source = await fileSource(path);
    const bytes = await source.read(0, size);
    await source.close();
    expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([size, 97, 0]);
  });

  it.each([
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n',
      /is a Git LFS pointer.*git lfs pull/,
    ],
    ['<!DOCTYPE html><html><body>Log in</body></html>', /is a web page/],
  ])('says what stands in place of a file: %j', async (text, message) => {
    for (const [name, read] of [
      ['model.safetensors', openSafetensors],
      ['config.json', readJsonFile],
    ] as const) {
      await writeFile(join(folder, name), text);
      await expect(read(join(folder, name))).rejects.toThrow(message);
      await expect(read(join(folder, name))).rejects.toBeInstanceOf(CorruptDataError);
    }
  });

  it('says that a folder is none', async () => {
    for (const read of [openSafetensors, readJsonFile]) {
      await expect(read(folder)).rejects.toThrow(/is a folder, must be a file/);
    }
  });

  it('says which file is not JSON', async () => {
    const path = join(folder, 'config.json');
    await writeFile(path, '{"a":');
    await expect(readJsonFile(path)).rejects.toThrow(/config\.json: cannot be read as JSON/);
    await writeFile(path, '[]');
    await expect(readJsonFile(path)).rejects.toThrow(/not a JSON object/);
  });
});
