import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSafetensors } from './file-source.ts';
import { openFolderStore } from './folder-store.ts';
import { readJsonFile } from './read-json.ts';
import { writeFileAtomic, writeJsonAtomic, writeSafetensorsFile } from './write-atomic.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-models-'));
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

  it('says which file is not JSON', async () => {
    const path = join(folder, 'config.json');
    await writeFile(path, '{"a":');
    await expect(readJsonFile(path)).rejects.toThrow(/config\.json: cannot be read as JSON/);
    await writeFile(path, '[]');
    await expect(readJsonFile(path)).rejects.toThrow(/not a JSON object/);
  });
});

describe('sharded folders', () => {
  const shard = (i: number): string => `model-0000${i}-of-00002.safetensors`;
  const index = (map: Record<string, string>): Promise<void> =>
    writeJsonAtomic(join(folder, 'model.safetensors.index.json'), { metadata: {}, weight_map: map });
  beforeEach(async () => {
    await writeSafetensorsFile(join(folder, shard(1)), [['a', one(1)]]);
    await writeSafetensorsFile(join(folder, shard(2)), [['b', one(2)]]);
  });

  it('reads each tensor from its shard', async () => {
    await index({ a: shard(1), b: shard(2) });
    const store = await openFolderStore(folder);
    expect([...(await store.tensor('b')).data]).toEqual([2]);
    await store.close();
  });

  it.each([
    ['a tensor that its shard lacks', { a: shard(1), b: shard(2), c: shard(2) }],
    ['a tensor in another shard', { a: shard(2), b: shard(1) }],
    ['a tensor that the index does not name', { a: shard(1), x: shard(2) }],
    ['a file outside the folder', { a: `../${shard(1)}`, b: shard(2) }],
  ])('refuses %s', async (_what, map) => {
    await index(map);
    await expect(openFolderStore(folder)).rejects.toBeInstanceOf(CorruptDataError);
  });

  it('refuses a folder without weights', async () => {
    await expect(openFolderStore(folder)).rejects.toThrow(/has neither model.safetensors nor/);
  });
});
