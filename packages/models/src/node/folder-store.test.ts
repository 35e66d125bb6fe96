import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CorruptDataError } from '@moect/core';
import { writeJsonAtomic, writeSafetensorsFile } from '@moect/safetensors/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFolderStore } from './folder-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-models-'));
});
afterEach(() => rm(folder, { recursive: true }));

const one = (value: number) => ({ shape: [1], data: Float32Array.of(value) });

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
